"""What a stored result has beside its mean: scores by another metric, and by sorts of tasks, as people read them."""

from typing import Any

from data.language import tr
from data.metric import Metric


def further_scores(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Of each what it is and its number: ``exact match``, ``12.4 ± 1.1 %``; ``chrF, Arabic script``, ``8.3 ± 2.0 (23 tasks)``."""
    rows = []
    for one in result.get("also", ()):  # results of earlier versions have none
        metric = Metric.from_json(one["metric"])
        text = metric.text(one["mean"], one["ci95"])
        if one["sort"]:
            tasks = tr("1 task") if one["episodes"] == 1 else tr("{one} tasks", one=one["episodes"])
            rows.append((f"{metric.title}, {one['sort']}", f"{text} ({tasks})"))
        else:
            rows.append((metric.title, text))
    return rows
