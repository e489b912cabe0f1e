"""What meta-learning needs: many tasks, and time. Free of torch."""

import streamlit as st

from core.runs.run_lists import RunFilter
from core.took import took
from data.language import mark, tr
from pages.parts import readable, say, session, theme
from pages.parts.learn import numbers

FINISHED = 200  # newest finished runs of which is said what they took

DATA = mark("""
- **Many tasks.** What a single task cannot teach has to be learned from others. Where one function fits all of them without a
  look at the support set, a meta-learner can come to ignore it ([Yin et al. 2020](https://arxiv.org/abs/1912.03820)).
- **Tasks alike.** Test tasks are taken to be of the training tasks' distribution. Across domains an ordinary baseline with
  fine-tuning did better ([Chen et al. 2019](https://arxiv.org/abs/1904.04232)).
- **What is learned may be features.** In MAML's few-shot networks most layers hardly change in the inner loop
  ([Raghu et al. 2020](https://arxiv.org/abs/1909.09157)); good features alone go far
  ([Tian et al. 2020](https://arxiv.org/abs/2003.11539)).
""")
COMPUTE = mark("""
- **A meta-step costs many steps**: the inner loop of each task, and the way back through it. For that all inner steps are kept
  in memory, which grows with their number ([Rajeswaran et al. 2019](https://arxiv.org/abs/1909.04630)), or computed again.
- **Second derivatives** are what first-order MAML leaves out; on mini-ImageNet
  [Finn et al. 2017](https://arxiv.org/abs/1703.03400) found it nearly as good.
- **It can be unstable**, by network and rates ([Antoniou et al. 2019](https://arxiv.org/abs/1810.09502)).
""")


def what() -> None:
    left, right = st.columns(2, gap="medium")
    with left, theme.card("data", tr("Data"), height="stretch"), st.container(key="prose-data"):
        st.markdown(tr(DATA))
    with right, theme.card("compute", tr("Computing"), height="stretch"), st.container(key="prose-compute"):
        st.markdown(tr(COMPUTE))


def took_card() -> None:
    with theme.card("took", tr("What finished runs took"), height="stretch"):
        _took()


def _took() -> None:
    runs = session.store().page(RunFilter("status:finished"), limit=FINISHED)
    found = took(runs)
    if not found:
        theme.empty(tr("No finished run yet"), tr("What runs take here is said as soon as one has finished."))
        return
    rows = [
        [f"{one.learner} · {one.family}", str(one.runs), numbers.brief(one.iteration), readable.duration(one.seconds)]
        for one in found
    ]
    st.html(numbers.table([tr("learner and tasks"), tr("runs"), tr("an iteration"), tr("a training")], rows))
    say.caption(
        tr(
            "Medians of the {count} newest finished runs of this store, whatever their settings.",
            count=readable.count(len(runs)),
        )
    )
