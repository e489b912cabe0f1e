"""Words of tasks and classes that are kept in English, for people. Free of torch."""

import re

from data.language import tr


def said(kept: str) -> str:
    """What ``TaskFamily.names`` and ``task`` call a class or a task, kept in English, in the language of whoever reads."""
    if found := re.fullmatch(r"class (\d+)", kept):
        return tr("class {number}", number=found[1])
    if found := re.fullmatch(r"(\d+) trajectories", kept):
        return tr("{n} trajectories", n=found[1])
    return kept
