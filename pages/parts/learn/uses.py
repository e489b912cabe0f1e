"""Where meta-learning is used, each with its paper and a preset to try. Free of torch."""

from dataclasses import dataclass

import streamlit as st

from data.language import mark, tr
from pages.parts import say, theme


@dataclass(frozen=True)
class Use:
    """text: Markdown with its papers. preset: of the same kind, here. label: of the link to it."""

    name: str
    title: str
    text: str
    preset: str
    label: str


USES = (
    Use(
        "vision",
        mark("Few-shot vision"),
        mark("""
Telling classes apart after one or five pictures of each. [Lake et al. 2015](https://doi.org/10.1126/science.aab3050) made
Omniglot, 1623 characters of 50 alphabets, to measure it; [Vinyals et al. 2016](https://arxiv.org/abs/1606.04080) added
mini-ImageNet. [Meta-Dataset](https://arxiv.org/abs/1903.03096) asks for classes of ten data sets at once.
"""),
        "omniglot-5w1s-quick",
        mark("Five characters, one example each"),
    ),
    Use(
        "language",
        mark("Languages with little text"),
        mark("""
Translation from a language of which there is little text.
[Gu et al. 2018](https://arxiv.org/abs/1808.08437) meta-train on eighteen European languages as tasks and report 22.04 BLEU
on Romanian to English after about 600 pairs of sentences. Here the tasks of language are smaller: telling what somebody
wants, after a sentence of each kind.
"""),
        "intents-5w1s-maml",
        mark("Five intents, one sentence each"),
    ),
    Use(
        "control",
        mark("Control"),
        mark("""
A policy that finds out by trying what is wanted of it. In [Finn et al. 2017](https://arxiv.org/abs/1703.03400), section 5.3,
one gradient step makes simulated robots run the other way or at another speed;
[Nagabandi et al. 2019](https://arxiv.org/abs/1803.11347) adapt a real legged robot to slopes and a missing leg.
"""),
        "navigation-maml",
        mark("Find a goal in the plane"),
    ),
)


def show() -> None:
    for column, use in zip(st.columns(len(USES)), USES, strict=True):
        with column, theme.card(f"use-{use.name}", tr(use.title), height="stretch"):
            with st.container(key=f"prose-{use.name}", height="stretch"):
                say.prose(tr(use.text))
            st.page_link(
                "pages/train.py",
                label=say.plain(tr(use.label)),
                icon=":material/rocket_launch:",
                query_params={"preset": use.preset},
            )
