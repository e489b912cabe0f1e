"""Messages in the form's words: a setting by its title, a learner by its own. On the command line they keep the paths."""

import re
from collections.abc import Mapping, Sequence

from core.algorithms.base import algorithms
from core.models.base import models
from data.language import mark, tr
from data.registry import families
from pages.parts.train.config_form import Field

CHOICES = {"family": mark("Task family"), "algorithm": mark("Learner"), "model": mark("Network")}
SETTINGS = {"training": mark("Meta-training"), "evaluation": mark("Evaluation"), "run": mark("Run")}
HEADINGS = CHOICES | SETTINGS
WORDS = ("pictures",)  # a family's name that messages have as a word
# Chinese has spaces around Latin names, and none around titles in quotation marks.
APART = re.compile("(?<=[\u3001-\u9fff\uff01-\uff5e]) (?=“)|(?<=”) (?=[\u3001-\u9fff])")
ELSEWHERE = re.compile(r" \([^()]* on the command line\)|（命令行[^（）]*）")


def worded(text: str, at: str, settings: Mapping[str, Sequence[Field]]) -> str:
    """What a person reads. at: the path where it is said. settings: of the form, by section."""
    section, _, leaf = at.rpartition(".")
    titles = {field.path: _title(field) for fields in settings.values() for field in fields}
    names = {
        path: tr("{title} under {heading}", title=title, heading=tr(HEADINGS[path.partition(".")[0]]))
        for path, title in titles.items()
        if "." in path
    }
    names |= {path: title for path, title in titles.items() if path.rpartition(".")[0] == section}
    # A name by itself is that of the same section, if it has one. Those of one word read as they are.
    leaves = {path.rpartition(".")[2]: title for path, title in titles.items() if "_" in path}
    leaves |= {path.rpartition(".")[2]: title for path, title in titles.items() if path.rpartition(".")[0] == section}
    names |= {name: title for name, title in leaves.items() if "_" in name}
    known = {**families(), **algorithms(), **models()}
    names |= {name: tr(item.title) for name, item in known.items() if name not in WORDS}
    text = ELSEWHERE.sub("", text)
    if leaf in leaves:
        text = re.sub(rf"^{leaf}(?= = | is empty| 为空)", lambda _: leaves[leaf], text)
    longest = sorted(map(re.escape, names), key=len, reverse=True)
    # Not within a path or another name, whose letters are Latin ones.
    said = re.sub(
        rf"(?<![\w./'-])({'|'.join(longest)})(?![\w/+-]|\.\w)", lambda found: names[found[0]], text, flags=re.ASCII
    )
    return APART.sub("", said)


def _title(field: Field) -> str:
    """Without the name in brackets that some have for those who know it from papers."""
    return f"“{re.sub(r' ?[(（][a-z_]+[)）]$', '', field.title)}”"
