"""What a trained learner is, on one page of Markdown: the card beside its weights. Free of torch."""

import re
from typing import Any

from core import about, diverged
from core.handover import again, versions
from core.handover.sources import source
from core.results import protocol
from core.runs.facts import Facts
from core.runs.schema import Run
from data.language import ENGLISH, speaking

INTERVAL = "the half-width of the 95 % interval of the mean over the tasks, 1.96 standard errors"
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!&])")
LOAD = """```python
from core.library import load_file

learner = load_file("{file}")
state = learner.adapt(support_x, support_y)  # {shots}
answers = learner.predict(state, query_x)
```"""


def bundle_file(run: Run) -> str:
    """What the file with the card is called."""
    return f"innerloop-run-{run.id}.zip"


@speaking(ENGLISH)  # it goes wherever the file goes
def text(run: Run, checkpoint: str) -> str:
    """In English. checkpoint: which weights, as ``best@1200``."""
    facts = Facts.of(run)
    parts = [
        f"# {plain(run.name)}",
        f"A few-shot learner trained with Innerloop: it is shown a few labelled examples of a task it has never seen (the "
        f"support set), adapts to them, and answers for others (the queries). Run {run.id}, weights `{checkpoint}`.",
        "\n".join(f"- {name}: {plain(value)}" for name, value in _rows(run, facts)),
        "## Scores",
        "\n".join(f"- {line}" for line in [*scores(run, facts), *_remark(checkpoint)]),
        "## Loading it",
        "With Innerloop's folder on Python's path:",
        LOAD.format(file=bundle_file(run), shots=facts.task or "a task's support set"),
        "## Training it again",
        f"With `config.json` of this file saved as `{again.config_file(run)}`:",
        f"```sh\n{again.command(run)}\n```",
        *filter(None, [again.begun(run)]),
    ]
    if note := plain(run.note):
        parts.insert(3, f"Note: {note}")
    return "\n\n".join(parts) + "\n"


def _remark(checkpoint: str) -> list[str]:
    return (
        ["The scores are of the run's best checkpoint, not of these weights."] if checkpoint.startswith("kept") else []
    )


def _rows(run: Run, facts: Facts) -> list[tuple[str, Any]]:
    minutes = f" in {about.roughly(run.seconds)}" if run.seconds else ""
    trained = f"{run.iteration} iterations{minutes}, seed {run.config.get('seed')}" if facts.trains else "not at all"
    network = run.config.get("model", {}).get("name", "unknown")
    code = run.config.get("model", {}).get("path", "")
    return [
        ("Learner", facts.learner_title + (f" ({facts.learner})" if facts.learner != facts.learner_title else "")),
        ("Network", f"{network}, whose code {code} is not part of this file" if code else network),
        ("Tasks", f"{facts.family_title} {facts.task}".strip()),
        ("Data", source(run.family)),
        ("Trained", trained + (f" on {run.device}" if run.device else "")),
        ("Written with", versions.installed()),
    ]


def scores(run: Run, facts: Facts) -> list[str]:
    """Each score with what its ± is and how it was taken."""
    found = []
    if run.test:
        score = f"test {facts.metric.title} {facts.metric.text(run.test['mean'], run.test['ci95'])}"
        remark = plain(diverged.remark(facts.metric, run.test))
        found.append(f"{score} ({INTERVAL}){remark}; {tested(run.test)}")
    if run.best:
        score = f"{facts.metric.title} {facts.metric.text(run.best['mean'], run.best['ci95'])}"
        found.append(f"best validation {score} at iteration {run.best['iteration']}, by which the weights were chosen")
    return found or ["It was never tested nor validated."]


def tested(test: dict[str, Any]) -> str:
    """How a test was taken, in a line; as much of it as an old result kept."""
    try:
        return protocol(test)
    except KeyError:
        return f"{test.get('episodes', '?')} episodes"


def plain(value: Any) -> str:
    """Text as Markdown that shows it as it was typed, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
