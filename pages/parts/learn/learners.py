"""The kinds of learners there are, how they relate, and how to choose one. Imports torch, for the learners themselves."""

import html

import streamlit as st

from core.algorithms.base import GROUPS, Algorithm, Group, algorithms
from data.language import mark, tr
from pages.parts import say, theme

MEANING: dict[Group, str] = {
    "model-agnostic": mark("""
Adapt by **gradient steps** on the support set, so that any network will do that gradients can train
([Finn et al. 2017](https://arxiv.org/abs/1703.03400)). Meta-learned are the weights to start from, and of some learners the steps
too. Surveys call them *optimization-based*.
"""),
    "model-dependent": mark("""
The network is **built to read a support set**: it compares examples, or takes them in as a sequence or a mean. A new task is one
forward pass and no gradient ([Vinyals et al. 2016](https://arxiv.org/abs/1606.04080)). Surveys call them *metric-* and
*model-based*.
"""),
    "combined": mark(r"""
A model-dependent learner makes the **start**, gradient steps go on from there. ProtoNet takes a query for the class whose mean of
support features lies nearest. With $f$ the query's features and $c_k$ that mean of class $k$,

$$-\lVert f - c_k\rVert^2 = \underbrace{2c_k^\top}_{W_k} f \underbrace{- \lVert c_k\rVert^2}_{b_k} - \lVert f\rVert^2,$$

and as the last term is the same for all classes, this **is** a linear output layer, made anew for each task
([Snell et al. 2017](https://arxiv.org/abs/1703.05175)). Proto-MAML starts from that layer and has MAML's inner steps change it,
and the body below ([Triantafillou et al. 2020](https://arxiv.org/abs/1903.03096)). The meta-gradient flows through both.
"""),
    "baselines": mark("""
**No inner loop** in training, or no training at all. They are what meta-learning has to beat; the difference
that [Chen et al. 2019](https://arxiv.org/abs/1904.04232) found gets smaller with deeper networks.
"""),
}
CHOICE = mark("""
- **Classes, and answers at once?** Begin with one that compares: it has no inner rate to set, and adapts in a forward pass.
- **Regression, acting, or a network that is given?** Begin with a model-agnostic one.
- **Always** train a baseline beside it. Good features with a linear layer on top can be ahead
  ([Tian et al. 2020](https://arxiv.org/abs/2003.11539)), also where test tasks are of another kind than those trained on
  ([Chen et al. 2019](https://arxiv.org/abs/1904.04232)).

Which is better on *your* tasks is better measured than guessed.
""")


def show() -> None:
    for start in range(0, len(GROUPS), 2):
        for column, group in zip(st.columns(2, gap="medium"), GROUPS[start : start + 2], strict=False):
            with column:
                _group(group)
    with theme.card("choosing", tr("How to choose")):
        with st.container(key="prose-choosing"):
            st.markdown(tr(CHOICE))
        with st.container(horizontal=True):
            st.page_link("pages/tournament.py", label=tr("Which method for me?"), icon=":material/emoji_events:")
            st.page_link("pages/compare.py", label=tr("Compare runs"), icon=":material/compare_arrows:")


def _group(group: Group) -> None:
    with theme.card(f"group-{group}", tr(group).capitalize(), height="stretch"), st.container(key=f"prose-{group}"):
        say.prose(tr(MEANING[group]))
        items = "".join(_item(learner) for learner in algorithms().values() if learner.group == group)
        st.html(f'<ul class="learners">{items}</ul>')


def _item(learner: type[Algorithm]) -> str:
    paper = html.escape(learner.paper())
    link = f' <a href="{paper}" target="_blank" rel="noopener">{paper.removeprefix("https://")}</a>' if paper else ""
    return f"<li><b>{html.escape(tr(learner.title))}</b> {html.escape(tr(learner.summary))}{link}</li>"
