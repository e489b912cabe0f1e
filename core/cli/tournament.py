"""A tournament from the command line: which learner for these tasks, asked and answered."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core import shots as numbers
from core.cli import follow
from core.cli.data import need_data
from core.cli.options import HomeOption, JsonOption, SetOption, open_home
from core.cli.output import emit
from core.cli.train import of_file, of_preset, one_start
from core.retest import left_out, with_shots
from core.runs import scheduler
from core.runs.home import Home
from core.runs.schema import LARGEST_RUN
from core.runs.store import RunStore
from core.tournament import needed, record
from core.tournament.answer import Answer, Place, about_time, answer
from core.tournament.budget import Budget
from core.tournament.record import Tournament
from data.errors import InputError

SHOWN = 20  # in the list of tournaments


def play(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUMBER]", min=1, max=LARGEST_RUN, help="A tournament that there is, to have its answer."
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Whose tasks and network; see `list presets`.")] = None,
    file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Those of a config as JSON instead.")
    ] = None,
    set_: SetOption = None,
    learners: Annotated[
        str, typer.Option("--learners", metavar="A,B,…", help="Who takes part; see `list algorithms`.")
    ] = "maml,protonet,pretrain",
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=20, help="Trainings of each, with consecutive seeds.")
    ] = 3,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Each trains so long.")] = None,
    tasks: Annotated[int | None, typer.Option("--tasks", help="Or each trains on so many tasks.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Default: as the preset or file.")] = None,
    shots: Annotated[
        str | None,
        typer.Option("--shots", metavar="1,2,5,10", help="Test the trained learners with these k_shot as well."),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop all runs of this tournament; they can be resumed.")
    ] = False,
    stay: Annotated[
        bool, typer.Option("--follow/--detach", help="Wait for the answer, or queue and return.", show_default=True)
    ] = True,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what it would take; queue nothing.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set without asking.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Have learners compete on the same tasks, and answer which to take. With a number: the answer there is; alone: a list."""
    found, store = open_home(home)
    asked = None if shots is None else numbers.read(shots)
    starts = {"--preset": preset, "--config": file}
    if not any(value is not None for value in starts.values()):
        scheduler.reconcile(store, found)
        if number is None and not stop:
            _list(store, as_json)
            return
        entered = _find(store, number)
        if stop:
            for id in scheduler.stop_all(store, found, only=[run.id for run in entered.runs]):
                follow.until_ended(store, found, id)
        _answer(found, store, entered.number, asked, as_json)
        return
    if number is not None or stop:
        text = "A start is given along with the number of a tournament, or with --stop."
        raise InputError(text, "Give one of them.", "number")
    one_start(starts)
    budget = Budget.of(seconds, tasks)
    values, called = of_preset(preset, set_ or []) if file is None else of_file(file, set_ or [])
    names = [one.strip() for one in learners.split(",") if one.strip()]
    if dry:
        _dry_run(values, names, budget, seeds, found, store, as_json)
        return
    need_data(values, found, download)
    begun = _enter(values, names, budget, seeds, called if name is None else name, found, store)
    if not stay:
        see = f"See `python -m core tournament {begun.number}`."
        text = f"Tournament {begun.number}: {begun.planned} runs are queued. {see}"
        emit({"tournament": begun.number, "runs": [run.id for run in begun.runs]}, as_json, text)
        return
    ended = follow.all_to_end(store, found, [run.id for run in begun.runs])
    _answer(found, store, begun.number, asked, as_json)
    raise typer.Exit(0 if all(run.status == "finished" for run in ended) else 1)


def _enter(
    values: dict[str, Any], learners: Sequence[str], budget: Budget, seeds: int, name: str, home: Home, store: RunStore
) -> Tournament:
    from core.costs import Costs
    from core.forecast import Forecaster
    from core.runs import hardware
    from core.tournament.expected import expected
    from core.tournament.plan import enter, line_up

    contestants = line_up(values, learners, budget, home.folders)
    slot = hardware.fitting(values["device"], hardware.slots())[0]
    forecaster = Forecaster(Costs(home.costs), home.folders)
    takes = expected(contestants, seeds, lambda config: forecaster.known(config, slot)).seconds
    runs = enter(store, home, contestants, name, seeds, budget, takes)
    return record.tournament(store, runs[0].id)


def _dry_run(
    values: dict[str, Any],
    learners: Sequence[str],
    budget: Budget,
    seeds: int,
    home: Home,
    store: RunStore,
    as_json: bool,
) -> None:
    """What it would take, by a few iterations of each learner. Needs no data set."""
    from core.costs import Costs
    from core.elsewhere import forked
    from core.forecast import Forecaster
    from core.runs.outlook import outlook
    from core.tournament.expected import expected
    from core.tournament.plan import RULE, line_up

    contestants = line_up(values, learners, budget)
    slot = outlook(store, home, values["device"], None).slot
    print(f"Measuring a few iterations of each learner on {slot} …", file=sys.stderr, flush=True)
    forecaster = Forecaster(Costs(home.costs), home.folders, start=forked(home))
    found = expected(contestants, seeds, lambda config: forecaster.forecast(config, slot))
    document = {
        "learners": {one.learner: one.config.model_dump(mode="json") for one in contestants},
        "seeds": seeds,
        "budget": budget.as_json(),
        "estimates": {name: one.as_json() for name, one in found.estimates.items()},
        "failed": found.failed,
    }
    heading = f"{len(contestants)} learners × {seeds} seeds, {budget.text}"
    emit(document, as_json, "\n".join(filter(None, [heading, found.words, found.unknown, RULE, "Nothing was queued."])))


def _find(store: RunStore, number: int | None) -> Tournament:
    """Raises InputError."""
    found = None if number is None else record.tournament(store, number)
    if found is None:
        text = "No number is given." if number is None else f"There is no tournament {number}."
        raise InputError(text, "List them with `python -m core tournament`.", "number")
    return found


def _list(store: RunStore, as_json: bool) -> None:
    found = record.tournaments(store, SHOWN)
    lines = [f"{one.number:>4}  {one.headline}" for one in found]
    none = "No tournament yet. Try `python -m core tournament --preset doodles-5w1s --seconds 20`."
    document = [{"tournament": one.number, "name": one.name, "state": one.state} for one in found]
    emit({"tournaments": document}, as_json, "\n".join(lines) or none)


def _answer(home: Home, store: RunStore, number: int, shots: Sequence[int] | None, as_json: bool) -> None:
    found = _find(store, number)
    remarks = _test_with(home, store, found, shots) if shots else []
    said = answer(found, store)
    curves = needed.curves(said.places, store)
    sentence = needed.sentence(said.places, curves)
    lines = [found.headline, *(_row(place) for place in said.places)]
    lines += [f"{one.question}: {one.text}" for one in said.advice]
    lines += ["This is so far: runs are still under way."] if found.unfinished else []
    lines += [f"Shots needed: {sentence}"] if sentence else []
    lines += [_shots(one) for one in curves if len(one.scores) > 1]
    lines += [verdict.sentence for verdict in said.verdicts]
    emit(_document(found, said, curves), as_json, "\n".join([*lines, *dict.fromkeys(remarks)]))


def _test_with(home: Home, store: RunStore, found: Tournament, shots: Sequence[int]) -> list[str]:
    """Test what was trained with these numbers of shots; returns what was left out."""
    remarks = []
    for run in found.finished:
        lacking = numbers.missing(run, store.evaluations(run.id, split="test"), shots)
        with follow.bar(f"testing run {run.id}") as tick:
            remarks.append(left_out(with_shots(home, store, run, lacking, tick=tick)[1]))
    return list(filter(None, remarks))


def _row(place: Place) -> str:
    one = place.standing
    adapting = "" if one.adaptation is None else f", adapts and answers in {about_time(one.adaptation)} a task"
    score = place.score if one.test else "no score yet"
    trained = f"{place.iterations:.0f} iterations in {one.seconds:.0f} s"
    return f"  {place.label:<18} {score:<28} {trained}{adapting}" + (f"  {place.remark}" if place.remark else "")


def _shots(one: needed.Curve) -> str:
    scores = ", ".join(f"{k}: {one.metric.text(score.mean, score.half)}" for k, score in one.scores.items())
    return f"  {one.label:<18} by shots {scores}"


def _document(found: Tournament, said: Answer, curves: Sequence[needed.Curve]) -> dict[str, Any]:
    by_label = {one.label: {str(k): asdict(score) for k, score in one.scores.items()} for one in curves}
    learners = [
        {
            "learner": place.group.runs[0].config["algorithm"]["name"],
            "title": place.label,
            "score": place.standing.test and asdict(place.standing.test),
            "runs": [run.id for run in place.group.runs],
            "entered": place.entered,
            "tested": place.tested,
            "remark": place.remark,
            "iterations": place.iterations,
            place.unit: place.work,
            "training_seconds": place.standing.seconds,
            "adaptation_seconds": place.standing.adaptation,
            "memory": place.memory,
            "any_network": place.agnostic,
            "between_seeds": place.between,
            "of_test_tasks": place.noise,
            "shots": by_label.get(place.label, {}),
        }
        for place in said.places
    ]
    return {
        "tournament": found.number,
        "name": found.name,
        "state": found.state,
        "budget": found.budget.as_json(),
        "learners": learners,
        "advice": [asdict(one) for one in said.advice],
        "verdicts": [asdict(one) for one in said.verdicts],
    }
