"""What people type to find runs, on SQLite and PostgreSQL."""

from pathlib import Path

import pytest

from core.runs.run_lists import RunFilter
from core.runs.search import chosen, with_choice
from core.runs.store import RunStore


@pytest.fixture
def store(url: str, tmp_path: Path) -> RunStore:
    """Five runs: a and b of maml, c of protonet, d archived, e deleted."""
    store = RunStore(url, tmp_path)
    maml = {"name": "maml", "inner_lr": 0.1, "first_order": True, "inner_steps": 5}
    rest = {
        "training": {"meta_lr": 0.001, "schedule": "cosine", "gradient_clip": None},
        "evaluation": {"inner_steps": 10},
    }
    made = [
        ("a uno", "doodles", "maml", {"algorithm": maml, "seed": 1}),
        ("b two", "omniglot", "maml, first order", {"algorithm": maml | {"inner_lr": 1e-5, "first_order": False}}),
        (
            "c two three",
            "omniglot",
            "protonet",
            {"algorithm": {"name": "protonet", "inner_lr": "no number"}, "seed": 2},
        ),
        ("d uno", "doodles", "maml", {"algorithm": maml}),
        ("e uno", "doodles", "maml", {"algorithm": maml}),
    ]
    for name, family, learner, config in made:
        whole = {"family": {"name": family}, "model": {"name": "mlp", "widths": [40, 40]}, "seed": 0} | rest | config
        places = {"folder_root": tmp_path / "runs", "datasets": tmp_path}
        store.create(whole, name, "g" if name == "b two" else None, **places, facts={"learner": learner})
    store.update(1, best={"mean": 0.95}, test={"mean": 0.85}, seconds=700.0, note="remarkable 50%")
    store.update(2, best={"mean": 0.92}, parent=1)
    store.tag([1, 2], ["Paper", "grid"])
    store.star([1])
    store.archive([4])
    store.set_aside(5)
    store.move(3, "finished", {"queued"})
    return store


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abc"),
        ("uno", "a"),
        ("TWO omniglot", "bc"),
        ("maml", "ab"),
        ("paper", "ab"),
        ('"two three"', "c"),
        ('"uno two', ""),
        ("-two", "a"),
        ('-"two three"', "ab"),
        ("learner:maml", "ab"),
        ("learner=maml", "a"),
        ('learner:"maml, first order"', "b"),
        ("learner:protonet,maml", "abc"),
        ("learner!=protonet", "ab"),
        ("family:doodles", "a"),
        ("Family: Doodles", "a"),
        ("status:finished", "c"),
        ("-status:finished,failed", "ab"),
        ("is:queued", "ab"),
        ("tag:paper tag:grid", "ab"),
        ("tag:pap", ""),
        ("-tag:paper", "c"),
        ("name:two note:x", ""),
        ("note:50%", "a"),
        ("group:g", "b"),
        ("is:starred", "a"),
        ("-is:starred", "bc"),
        ("is:archived", "d"),
        ("is:archived,starred", "ad"),
        ("is:deleted", "e"),
        ("-is:deleted uno", "a"),
        ("score>0.9", "b"),
        ("score > 90%", "b"),
        ("score:>0.9", "b"),
        ("-score>0.9", "ac"),
        ("best>=0.95", "a"),
        ("time>10min", "a"),
        ("parent:1", "b"),
        ("run:3", "c"),
        ("run=99999999999999", ""),
        ("seed:1", "a"),
        ("seed:1,2", "ac"),
        ("inner_lr<0.01", "b"),
        ("algorithm.inner_lr>=0.1", "a"),
        ("inner_lr=1e-5", "b"),
        ("inner_lr:number", "c"),
        ("inner_steps:5", "ab"),
        ("inner_steps:10", ""),
        ("evaluation.inner_steps:10", "abc"),
        ("first_order:yes", "a"),
        ("first_order:no", "b"),
        ("gradient_clip:none", "abc"),
        ("schedule:cos", "abc"),
        ("schedule=cos", ""),
        ("meta_lr>0.01", ""),
        ("widths:40", "abc"),
        ("%", "a"),
        ("'; DROP TABLE runs; --", ""),
    ],
)
def test_a_search_finds(store: RunStore, text: str, found: str) -> None:
    runs = store.page(RunFilter(text))
    assert "".join(sorted(run.name[0] for run in runs)) == found
    assert store.count(RunFilter(text)) == len(found)
    assert store.search(text).problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learnr:maml", ["learnr:maml is left out", "no run has a learnr", "Did you mean learner?", '"learnr:maml"']),
        ("lr<0.01", ["Did you mean inner_lr or meta_lr?"]),
        ("status:done", ["write status: and queued, ", " or lost."]),
        ("is:good", ["write is: and starred, archived, deleted, "]),
        ("score>good", ["good is no number", "90%"]),
        ("inner_lr>x", ["x is no number"]),
        ("learner>maml", ["learner is no number; write learner:maml."]),
        ("tag:", ["write what comes after :"]),
        ("zzz:1", ["Runs are found by name, note"]),
        ("score>1e999", ["1e999 is no number"]),
    ],
)
def test_what_is_not_understood_is_said_with_a_way_out(store: RunStore, text: str, said: list[str]) -> None:
    (problem,) = store.search(f"uno {text}").problems
    assert [part for part in said if part not in problem] == []
    assert [run.name for run in store.page(RunFilter(f"uno {text}"))] == ["a uno"], "the rest of it counts"


def test_the_settings_of_runs_are_asked_for_only_where_a_search_names_one(store: RunStore) -> None:
    asked = []
    store.settings = lambda: asked.append(1) or {}
    store.search("maml learner:maml score>0.9 is:starred")
    assert not asked
    store.search("inner_lr:1")
    assert asked


def test_a_choice_is_put_into_a_search_and_read_from_it() -> None:
    text = with_choice("one status:failed -status:lost", "status", ["finished", "queued"])
    assert text == "one -status:lost status:finished,queued"
    assert chosen(text, "status") == ("finished", "queued")
    learner = with_choice('"two words" learner:maml', "learner", ["maml, first order"])
    assert learner == '"two words" learner:"maml, first order"'
    assert chosen(learner, "learner") == ("maml, first order",)
    assert with_choice(learner, "learner", []) == '"two words"'
