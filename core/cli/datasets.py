"""Data sets from the command line: which there are, what is in them, pictures of one's own, a task to look at."""

import csv
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core.cli import data, follow
from core.cli.options import HomeOption, JsonOption, SetOption, open_home
from core.cli.output import emit
from data import picture_set
from data.errors import DataError, InputError
from data.picture_set import How, PictureSet
from data.places import Folders

app = typer.Typer(help="Data sets: list, import, look at, remove.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set or family.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1)]
ByOption = Annotated[How, typer.Option("--by", help="Divide single classes, or whole folders of them.")]
ListOption = Annotated[
    Path | None,
    typer.Option("--splits", help="CSV file of class,split with train, val or test, instead of drawing them."),
]


@app.command("list")
def list_all(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """All data sets: those that come with Innerloop, those to download, and your own."""
    from core import datasets

    found, _ = open_home(home)
    rows = [_row(one, found.folders) for one in datasets.all_of_them(found.folders)]
    lines = [f"{row['name']:<16} {row['group']:<11} {row['state']:<12} {row['title']}" for row in rows]
    emit({"datasets": rows}, as_json, "\n".join(lines))


def _row(one: Any, folders: Folders) -> dict[str, Any]:
    size = one.bytes(folders)
    state = "not here" if one.missing else f"{size / 2**20:.1f} MiB" if size else "nothing to fetch"
    return {
        "name": one.name, "family": one.family, "title": one.kind.title, "group": one.kind.group, "state": state,
        "present": not one.missing, "bytes": size, "settings": dict(one.settings),
    }  # fmt: skip


@app.command()
def show(
    name: NameArgument,
    splits: Annotated[bool, typer.Option("--splits", help="Print class,split for each class instead.")] = False,
    set_: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """What a data set is, its licence, its classes by split, and what was left out of it."""
    from core import datasets

    found, _ = open_home(home)
    folders = found.folders
    if splits:
        own = picture_set.find(name, folders)
        csv.writer(sys.stdout).writerows((one.name, one.split) for one in own.classes)
        return
    one = datasets.find(name, folders, set_ or [])
    kind = one.kind
    document = {**_row(one, folders), "summary": kind.summary, "licence": kind.licence, "citation": kind.citation}
    document["splits"] = [] if one.missing or one.lacking else [vars(each) for each in datasets.facts(one, folders)]
    lines = [f"{name}: {kind.summary}", f"licence: {kind.licence}", f"on disk: {document['state']}"]
    lines += [f"cite: {kind.citation}"] if kind.citation else []
    for each in document["splits"]:
        number = (
            f"{each['smallest']:g}"
            if each["smallest"] == each["largest"]
            else f"{each['smallest']:g} to {each['largest']:g}"
        )
        lines.append(f"{each['split']:<6} {each['classes']} classes of {number} examples")
    if one.lacking:
        lines.append(f"Say what it is made of: --set family.{kind.asked[0]}=…")
    if one.imported:
        own = picture_set.find(name, folders)
        document |= {"hash": own.hash, "side": own.side, "channels": own.channels, "skipped": own.skipped}
        lines += _said(own)
    emit(document, as_json, "\n".join(lines))


def _said(own: PictureSet) -> list[str]:
    """What an import found, in lines."""
    colour = "in colour" if own.channels == 3 else "grey"
    lines = [
        f"{own.pictures:,} pictures of {len(own.classes)} classes, {own.side} × {own.side} pixels, {colour}",
        f"split by {own.by}; from {own.source}",
        f"hash {own.hash}",
    ]
    if own.skipped:
        lines.append(f"{own.skipped:,} files were left out:")
        lines += [f"  {file}: {reason}" for file, reason in own.reasons[:10]]
        lines += ["  …"] if own.skipped > 10 else []
    lines += [f"{file} shows the same as {other}, of another class" for file, other in own.repeated[:10]]
    small = min(own.classes, key=lambda one: one.count)
    if small.count < 20:
        lines.append(
            f"The smallest class, {small.name}, has {small.count}: k_shot + n_query of its tasks can be no more."
        )
    return lines


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the data set will be called.")],
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder or zip with a folder a class, or a CSV of path,label.")
    ],
    side: Annotated[int, typer.Option("--side", help="Pixels of a side, 28 to 224.")] = 84,
    grey: Annotated[bool | None, typer.Option("--grey/--colour", help="By default grey if all pictures are.")] = None,
    seed: SeedOption = 0,
    by: ByOption = "classes",
    splits: ListOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of a set of this name.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Import pictures of your own, one folder a class; what cannot be read is listed and left out."""
    from data.import_pictures import Wanted, import_pictures

    found, _ = open_home(home)
    _not_a_family(name)
    wanted = Wanted(side, grey, seed, by, read_splits(splits))
    with follow.bar("importing") as tick:
        own = import_pictures(name, path, found.folders, wanted, replace=replace, progress=lambda done, _: tick(done))
    document = {"name": name, "hash": own.hash, "folder": str(own.folder), "count": own.pictures}
    document |= {"classes": len(own.classes), "skipped": own.skipped}
    emit(document, as_json, "\n".join([f"{name} is in {own.folder}.", *_said(own)]))


def _not_a_family(name: str) -> None:
    from data.registry import families

    if name in families():
        raise InputError(f"{name} is the name of a family.", "Choose another name.", "name")


def read_splits(path: Path | None) -> dict[str, str] | None:
    """class → split out of a CSV file. Raises DataError."""
    if path is None:
        return None
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as CSV in UTF-8 ({error}).", "Write class,split in each line.", str(path)
        ) from error
    if wrong := [row for row in rows if row and len(row) != 2]:
        raise DataError(f"{path} has a line of {len(wrong[0])} columns.", "Write class,split in each line.", str(path))
    return {row[0].strip(): row[1].strip() for row in rows if row}


@app.command()
def split(
    name: NameArgument,
    seed: SeedOption = 0,
    by: ByOption = "classes",
    splits: ListOption = None,
    home: HomeOption = None,
) -> None:
    """Divide the classes of a set of your own anew. Runs that were tested before do not compare with those after."""
    found, _ = open_home(home)
    own = picture_set.find(name, found.folders)
    given = read_splits(splits)
    chosen = picture_set.divided([one.name for one in own.classes], seed, by) if given is None else given
    own = picture_set.resplit(own, chosen, "a list" if given is not None else f"{by}, seed {seed}")
    emit({}, False, f"{name}: " + ", ".join(f"{len(own.of(part))} {part}" for part in picture_set.SHARES) + ".")


@app.command()
def remove(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Delete a set of your own. The pictures that it was imported from stay where they are."""
    found, _ = open_home(home)
    own = picture_set.find(name, found.folders)
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete {name}, {own.pictures:,} pictures in {own.folder}?", abort=True, err=True)
    picture_set.remove(name, found.folders)
    emit({"removed": name}, as_json, f"{name} is gone.")


app.command()(data.download)


@app.command()
def sample(
    name: NameArgument,
    split: Annotated[Literal["train", "val", "test"], typer.Option("--split")] = "train",
    n_way: Annotated[int, typer.Option("--n-way", min=1, max=200)] = 5,
    k_shot: Annotated[int, typer.Option("--k-shot", min=1, max=100)] = 1,
    n_query: Annotated[int, typer.Option("--n-query", min=1, max=100)] = 3,
    seed: SeedOption = 0,
    output: Annotated[Path | None, typer.Option("--output", help="Write its pictures into this PNG file.")] = None,
    set_: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Draw the task that a seed gives: its classes, its hash, and its pictures as a learner sees them."""
    from core import datasets
    from core.contact_sheet import contact_sheet
    from data.family import EpisodeShape

    found, _ = open_home(home)
    one = datasets.find(name, found.folders, set_ or [])
    family = datasets.opened(one, found.folders)
    shape = EpisodeShape(n_way if family.kind == "classification" else 1, k_shot, n_query)
    task = datasets.inspect(family, split, shape, seed)
    if output is not None:
        contact_sheet(task.batch, shape).save(output, "PNG")
    document = {"name": name, "split": split, "seed": seed, "sha256": task.sha256, "classes": task.classes}
    lines = [f"{number}: {label}" for number, label in enumerate(task.classes, 1)]
    if family.kind == "sequence":
        document["task"] = written = family.written(task.batch)[0]
        lines += [f"into {written['language']}, script {written['script']}"]
        lines += [f"{source} → {own}" for source, own in zip(written["sources"], written["expected"], strict=True)]
    emit(document, as_json, "\n".join([*lines, f"sha256 {task.sha256}", *([f"written to {output}"] if output else [])]))
