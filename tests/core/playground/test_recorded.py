"""The recorded runs that come with Innerloop: real ones, and as good as a home's own to whatever compares runs."""

import numpy as np

from core.comparing import alike
from core.comparing.groups import grouped
from core.comparing.verdict import verdicts
from core.playground.recorded import FILE, TITLES, read, recorded, write


def test_they_are_small_and_three_seeds_of_each_learner() -> None:
    assert FILE.stat().st_size < 300_000
    found = recorded()
    assert found.named == TITLES and found.machine and "torch" in found.versions
    groups = grouped(found.runs, found.named)
    assert [sorted(run.config["seed"] for run in group.runs) for group in groups] == [[0, 1, 2]] * 3
    assert not any(group.mixed for group in groups)
    for run in found.runs:
        iterations, loss = found.reader.series(run.id, "train/query_loss")
        assert iterations[-1] == run.iteration == run.config["training"]["iterations"] and np.isfinite(loss).all()
        assert len(found.reader.validations(run.id)) > 3


def test_their_tests_are_of_the_same_tasks_and_decide_something() -> None:
    found = recorded()
    judged = verdicts([alike.tested(group, found.store) for group in grouped(found.runs, found.named)], found.store)
    assert len(judged) == 3 and not any(one.reasons for one in judged)
    assert {one.episodes for one in judged} == {100} and any(one.decided for one in judged)


def test_what_is_kept_is_read_again(tmp_path) -> None:
    before = recorded()
    write(tmp_path / "few.npz", before.store, {before.runs[0].id: "one"}, "here", "with this")
    after = read(tmp_path / "few.npz")
    assert (after.named, after.machine, after.versions) == (("one",), "here", "with this")
    (mine,), theirs = after.runs, before.runs[0]
    assert (mine.config, mine.test, mine.seconds, mine.ended) == (
        theirs.config,
        theirs.test,
        theirs.seconds,
        theirs.ended,
    )
    for a, b in zip(after.store.evaluations(mine.id, "test"), before.store.evaluations(theirs.id, "test"), strict=True):
        assert np.array_equal(after.store.scores(a.id), before.store.scores(b.id))
