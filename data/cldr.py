"""Names of territories, languages, scripts, currencies, months, weekdays and units in many languages, out of Unicode's CLDR.

Babel carries CLDR's data with it, so nothing is downloaded. https://cldr.unicode.org, Unicode License v3. Free of torch.
"""

import json
import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from data.in_turn import in_turn
from data.language import tr
from data.places import OnProgress
from data.whole import beside, put

log = logging.getLogger(__name__)
LAYOUT = 1  # of the kept file
LEAST = 100  # pairs that a language has to have of its own; a task cannot be larger
ALIKE = 0.6  # languages that write more than this share of what both translate with the same strings are in one split
COMPARED = 30  # names that two languages both have to translate to be compared at all
SCRIPTS = {
    "CJK": "Han",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "OL": "Ol Chiki",
    "NKO": "N'Ko",
}  # where the first word of a letter's name is not it
LONGEST = 24  # characters of a name, in either language
TABLES = ("territories", "languages", "scripts", "currency_names")
VARIANT = (
    "_"  # as in pt_PT, sr_Latn: of a language that has several locales the one without a country or script is taken
)


@dataclass(frozen=True)
class Language:
    """code: CLDR's. name: in English. script: that its names are written in, Unicode's word for it. group: languages of one
    number are nearly the same. pairs: English name and its own.
    """

    code: str
    name: str
    script: str
    group: int
    pairs: list[tuple[str, str]]


def languages(cache: Path, progress: OnProgress = lambda *_: None) -> list[Language]:
    """All languages that have enough names, by code; kept in the cache folder under Babel's version."""
    path = cache / f"names-{version('babel')}-{LAYOUT}.json"
    if found := _read(path):
        return found
    with in_turn(path.with_name(f".{path.stem}.lock"), progress) as tell:
        if found := _read(path):
            return found
        made = gathered(tell)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside(path.parent) as (file, name):
                file.write(json.dumps([asdict(one) for one in made]).encode())
                put(file, name, path)
        except OSError as error:
            log.warning("%s could not be kept in the cache (%s); it will be made again next time.", path, error)
    return made


def _read(path: Path) -> list[Language]:
    """Nothing where there is no file, or a damaged one."""
    if not path.is_file():
        return []
    try:
        return [
            Language(**{**one, "pairs": [(english, own) for english, own in one["pairs"]]})
            for one in json.loads(path.read_bytes())
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s cannot be read (%s) and is made again.", path, error)
        return []


def gathered(progress: OnProgress) -> list[Language]:
    """The same out of Babel's own files, which takes some seconds."""
    from babel import localedata

    english, found = names("en"), {}
    codes = [code for code in localedata.locale_identifiers() if VARIANT not in code and code not in ("en", "root")]
    for number, code in enumerate(sorted(codes)):
        progress(number / len(codes), tr("Reading the names of CLDR"))
        own = pairs(english, names(code))
        if len(own) >= LEAST:
            found[code] = own
    groups = grouped([dict(pairs(english, inherited(code))) for code in found])
    called = localedata.load("en")["languages"]
    return [
        Language(code, called.get(code, code), script(name for _, name in own), group, own)
        for (code, own), group in zip(found.items(), groups, strict=True)
    ]


def inherited(code: str) -> dict[str, str]:
    """What a locale says itself or takes from another one than the root of all, as Nynorsk does from Norwegian."""
    from babel.core import get_global

    parent = get_global("parent_exceptions").get(code, "root")
    return names(code) if parent == "root" else names(parent) | names(code)


def names(code: str) -> dict[str, str]:
    """What a locale says itself, not what it inherits, by table and key: ``territories/AR`` → ``Argentina``, in Unicode's NFC."""
    from babel import localedata

    own = localedata.load(code, merge_inherited=False)
    found = {(table, key): name for table in TABLES for key, name in own.get(table, {}).items()}
    found |= {("units", unit): forms.get("long") for unit, forms in own.get("unit_display_names", {}).items()}
    for table in ("months", "days"):
        kinds = own.get(table, {})
        for kind in ("format", "stand-alone"):  # the latter is the name by itself, where they differ
            wide = kinds.get(kind, {}) if isinstance(kinds, Mapping) else {}
            wide = wide.get("wide", {}) if isinstance(wide, Mapping) else {}
            found |= {(table, key): name for key, name in (wide.items() if isinstance(wide, Mapping) else ())}
    return {f"{table}/{key}": tidy(name) for (table, key), name in found.items() if isinstance(name, str) and name}


def tidy(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def pairs(english: Mapping[str, str], own: Mapping[str, str]) -> list[tuple[str, str]]:
    """English names with others than the English ones for them, none too long, each English name once."""
    found: dict[str, str] = {}
    for key in sorted(own.keys() & english.keys()):
        here, there = english[key], own[key]
        if there.casefold() != here.casefold() and fits(here) and fits(there):
            found.setdefault(here, there)
    return list(found.items())


def fits(name: str) -> bool:
    """Short enough, and of Unicode's first plane, as almost all that is written today."""
    return len(name) <= LONGEST and ord(max(name)) < 2**16


def grouped(translated: Sequence[Mapping[str, str]]) -> list[int]:
    """A number for each language: those that are alike, also by way of others, have the same one.

    translated: of each language, English name and its own.
    """
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    columns = {name: place for place, name in enumerate(sorted({name for one in translated for name in one}))}
    numbers: dict[str, int] = {}
    said = np.zeros((len(translated), len(columns)), np.int32)  # each string by a number from 1
    for row, one in zip(said, translated, strict=True):
        for english, name in one.items():
            row[columns[english]] = numbers.setdefault(name, len(numbers) + 1)
    both = np.stack([((said > 0) & (row > 0)).sum(1) for row in said])  # (languages, languages)
    equal = np.stack([((said == row) & (row > 0)).sum(1) for row in said])
    return connected_components((both >= COMPARED) & (equal > ALIKE * both), directed=False)[1].tolist()


def script(own: Iterable[str]) -> str:
    """The script that most of its letters are of: Latin, Cyrillic, Arabic, Devanagari, Han, …"""
    letters = Counter(letter for name in own for letter in name if letter.isalpha())
    count: Counter[str] = Counter()
    for letter, times in letters.items():
        count[unicodedata.name(letter, "unknown").split()[0].split("-")[0]] += times
    word = count.most_common(1)[0][0]
    return SCRIPTS.get(word, word.capitalize())
