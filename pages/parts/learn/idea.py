"""What meta-learning is, in a few sentences. Free of torch."""

import streamlit as st

from data.language import mark, tr
from pages.parts import theme

WHAT = mark("""
Ordinary training looks for weights that solve **one** task. Meta-learning looks for a *way to learn* that works on **many**
tasks, so that a new one takes a handful of examples. The idea is older than deep learning
([Thrun & Pratt 1998](https://doi.org/10.1007/978-1-4615-5529-2)); what became of it is surveyed by
[Hospedales et al. 2020](https://arxiv.org/abs/2004.05439).
""")
WORDS = mark(r"""
- A **task** is a small problem of its own: telling five characters apart, following one sine wave. Tasks come from a
  **distribution** $p(\mathcal T)$. What they share can be learned in advance.
- Its **support set** $S$ holds the few examples that may be learned from. Its **query set** $Q$ asks how well that went.
  Training in the way one will be tested is due to [Vinyals et al. 2016](https://arxiv.org/abs/1606.04080).
- The **base learner** solves one task from its support set: the *inner loop*.
- The **meta-learner** sees many tasks and changes what the base learner starts from, or is made of, until the answers to
  queries are good: the *outer loop*. The test is on tasks that it has not seen.
""")
GOAL = r"""
\min_\theta \; \mathbb E_{\mathcal T \sim p(\mathcal T)} \; \mathcal L_{\mathcal T}\big(\,\text{adapt}(\theta, S),\; Q\,\big)
"""
READ = mark(r"""
$\theta$ is what meta-training changes, and *adapt* is the base learner. In
[MAML](https://arxiv.org/abs/1703.03400) $\theta$ are a network's first weights, and *adapt* is a step or a few of gradient
descent.
""")


def what() -> None:
    with theme.card("idea", tr("What meta-learning is"), height="stretch"), st.container(key="prose-idea"):
        st.markdown(tr(WHAT))
        st.markdown(tr(WORDS))
        st.latex(GOAL)
        st.markdown(tr(READ))
