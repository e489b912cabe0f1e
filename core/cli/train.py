"""Training from the command line."""

from typing import Annotated

import typer

from core.cli import follow, forecast
from core.cli.data import need_data
from core.cli.options import HomeOption, JsonOption, SetOption, emit, open_home, shown, summary
from core.config import presets
from data.errors import InputError


def train(
    preset: Annotated[str, typer.Option("--preset", help="Where to start from; see `list presets`.")],
    set_: SetOption = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the run.")] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, max=100, help="Queue this many runs with consecutive seeds.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run; default the preset's.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Queue and return; training goes on by itself.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, from a few iterations; queue nothing.")
    ] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Queue a run, follow it to its end. Ctrl-C stops it with a checkpoint. With --dry-run: only say what it would take."""
    from core.launch import from_preset, launch

    found, store = open_home(home)
    config = from_preset(_preset(preset), [*(set_ or []), *([] if seed is None else [f"seed={seed}"])])
    if dry:
        document, text = forecast.dry_run(config, preset if name is None else name, seeds or 1, found, store)
        emit(document, as_json, text)
        return
    need_data(config, found, download)
    runs = launch(store, found, config, preset if name is None else name, seeds or 1)
    ids, group = [run.id for run in runs], runs[0].group
    if detach:
        emit(
            {"runs": ids, "group": group},
            as_json,
            f"Queued as run {', '.join(map(str, ids))}. See `python -m core runs`.",
        )
        return
    ended = follow.all_to_end(store, found, ids)
    documents = [shown(run) for run in ended]
    text = "\n".join(summary(run) for run in ended)
    emit(documents[0] if len(ended) == 1 else {"runs": documents, "group": group}, as_json, text)
    raise typer.Exit(0 if all(run.status == "finished" for run in ended) else 1)


def _preset(name: str) -> presets.Preset:
    try:
        return presets.preset(name)
    except KeyError:
        names = ", ".join(item.name for item in presets.PRESETS)
        raise InputError(f"There is no preset named {name}.", f"Choose {names}.", "preset") from None
