"""Texts in files of the layouts that families read: small ones, and CLINC150's."""

import csv
import json
from pathlib import Path
from typing import Any

from data.intents import INTENTS, SENTENCES

VERBS = ("open", "close", "find", "paint", "sell", "count", "wash", "lift", "burn", "mend")
THINGS = ("door", "window", "book", "garden", "ship", "lamp", "river", "chair")


def sentences(label: int, count: int = 8) -> list[str]:
    """Texts of one to three words that say which class they are of, each another."""
    return [" ".join([VERBS[label], THINGS[i % 8], "now"][: 2 + i % 2]) + "!" * (i // 8) for i in range(count)]


def made_up_texts(path: Path, classes: int = 10, count: int = 8, header: tuple[str, str] = ("text", "label")) -> Path:
    """A CSV of so many classes of texts each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows((text, f"class {label}") for label in range(classes) for text in sentences(label, count))
    return path


def clinc150() -> dict[str, Any]:
    """What the official file holds, as it is laid out, with sentences that are numbers."""
    found: dict[str, Any] = {"oos_train": [["nothing", "oos"]], "oos_val": [], "oos_test": []}
    bounds = {"val": (0, 20), "train": (20, 120), "test": (120, SENTENCES)}
    intents = [intent for some in INTENTS.values() for intent in some]
    for part, (first, last) in bounds.items():
        found[part] = [[f"{intent} {i}", intent] for intent in intents for i in range(first, last)]
    return found


def write_clinc150(datasets: Path, content: Any = None) -> Path:
    path = datasets / "clinc150" / "data_full.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content or clinc150()), encoding="utf-8")
    return path
