"""Training from the command line."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli import follow, forecast
from core.cli.data import need_data
from core.cli.options import HomeOption, JsonOption, SetOption, find_run, open_home
from core.cli.output import emit, shown, summary
from core.config import presets
from core.runs.home import Home
from core.runs.lineage import changes, variant_name
from core.runs.schema import LARGEST_RUN, Run
from core.runs.store import RunStore
from data.errors import InputError

CONTINUED = re.compile(r"([0-9]{1,18})(?:@(last|best|[0-9]{1,18}))?")


def train(
    preset: Annotated[str | None, typer.Option("--preset", help="Where to start from; see `list presets`.")] = None,
    from_: Annotated[
        int | None,
        typer.Option("--from", metavar="RUN", min=1, max=LARGEST_RUN, help="Start from this run's config instead."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Start from a config as JSON instead; see `export --what config`."
        ),
    ] = None,
    continue_: Annotated[
        str | None,
        typer.Option(
            "--continue",
            metavar="RUN[@WHICH]",
            help="Go on from this run's checkpoint: last (default), best or an iteration.",
        ),
    ] = None,
    set_: SetOption = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the run.")] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, max=100, help="Queue this many runs with consecutive seeds.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the run; default the preset's, or the other run's and what changed."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Queue and return; training goes on by itself.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, from a few iterations; queue nothing.")
    ] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Queue a run, follow it to its end. Ctrl-C stops it with a checkpoint. With --dry-run: only say what it would take."""
    from core.launch import launch

    found, store = open_home(home)
    one_start({"--preset": preset, "--from": from_, "--config": file, "--continue": continue_})
    origin, checkpoint = (from_, "") if continue_ is None else _checkpoint(continue_, dry)
    parent = None if origin is None else find_run(store, origin)
    assignments = [*(set_ or []), *([] if seed is None else [f"seed={seed}"])]
    if parent is not None:
        config, default = _like(parent, assignments, seeds)
    else:
        config, default = of_preset(preset, assignments) if file is None else of_file(file, assignments)
    if dry:
        document, text = forecast.dry_run(config, default if name is None else name, seeds or 1, found, store)
        emit(document, as_json, text)
        return
    need_data(config, found, download)
    runs = launch(
        store, found, config, default if name is None else name, seeds or 1, parent=origin, checkpoint=checkpoint
    )
    if detach:
        ids, group = [run.id for run in runs], runs[0].group
        text = f"Queued as run {', '.join(map(str, ids))}. See `python -m core runs`."
        emit({"runs": ids, "group": group}, as_json, text)
        return
    _follow(store, found, runs, as_json)


def _follow(store: RunStore, home: Home, runs: list[Run], as_json: bool) -> None:
    """To the end of all of them, which is also the command's."""
    ended = follow.all_to_end(store, home, [run.id for run in runs])
    documents = [shown(run) for run in ended]
    whole = documents[0] if len(ended) == 1 else {"runs": documents, "group": ended[0].group}
    emit(whole, as_json, "\n".join(summary(run) for run in ended))
    raise typer.Exit(0 if all(run.status == "finished" for run in ended) else 1)


def _checkpoint(text: str, dry: bool) -> tuple[int, str]:
    """Number and checkpoint of ``RUN[@WHICH]``. Raises InputError."""
    if dry:
        raise InputError("--continue and --dry-run are both given.", "Give one of them.", "continue")
    found = CONTINUED.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= LARGEST_RUN:
        raise InputError(f"{text[:40]} names no checkpoint.", "Write 7, 7@last, 7@best or 7@1200.", "continue")
    return int(found[1]), str(int(found[2])) if (found[2] or "").isdecimal() else found[2] or "last"


def one_start(given: dict[str, Any]) -> None:
    """Raises InputError unless exactly one of these options is given."""
    named = [option for option, value in given.items() if value is not None]
    if not named:
        text, remedy = (
            "None of --preset, --from, --config and --continue is given.",
            "Name a preset or a run to start from; see `list presets` and `runs`.",
        )
        raise InputError(text, remedy, "preset")
    if len(named) > 1:
        raise InputError(f"Both {' and '.join(named)} are given.", "Give one of them.", "preset")


def of_preset(name: str, assignments: list[str]) -> tuple[dict[str, Any], str]:
    """The config, and what the run is called unless it is given a name."""
    from core.launch import from_preset

    return from_preset(_preset(name), assignments), name


def of_file(path: Path, assignments: list[str]) -> tuple[dict[str, Any], str]:
    """Likewise; called as the file."""
    from core.config.file import read_config
    from core.launch import changed

    return changed(read_config(path), assignments), path.stem


def _like(parent: Run, assignments: list[str], seeds: int | None) -> tuple[dict[str, Any], str]:
    """Likewise. Of several runs each is given its seed's name anyway."""
    from core.launch import changed

    config = changed(parent.config, assignments)
    told = changes(changed(parent.config), config)
    return config, variant_name(parent.name, {key: text for key, text in told.items() if key != "seed" or not seeds})


def _preset(name: str) -> presets.Preset:
    try:
        return presets.preset(name)
    except KeyError:
        names = ", ".join(item.name for item in presets.PRESETS)
        raise InputError(f"There is no preset named {name}.", f"Choose {names}.", "preset") from None
