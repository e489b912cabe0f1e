"""Names of CLDR: which languages are apart, what a task holds, and how an answer is judged."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.runs.home import Home
from data import cldr, letters
from data.cldr import ALIKE, LEAST, Language
from data.family import SPLITS, EpisodeShape
from data.letters import BEGINNING, END, PADDING
from data.names import Names, NamesConfig, Translations, chrf, divided, exact, read, told

SHAPE = EpisodeShape(1, 3, 4)


@pytest.fixture(scope="session")
def names(pictures: Home) -> Names:
    return Names(NamesConfig(), datasets=pictures.datasets, cache=pictures.cache)


def by_code(names: Names) -> dict[str, Language]:
    return {one.code: one for one in names.every}


def drawn(names: Names, seed: int = 0, tasks: int = 3) -> Translations:
    return names.sample("train", SHAPE, tasks, torch.Generator().manual_seed(seed))


def test_no_group_crosses_a_split(names: Names) -> None:
    for seed in (0, 1, 2):
        parts = divided(names.every, seed)
        assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == len({o.group for o in names.every})
    counts = {split: len(names.languages(split)) for split in SPLITS}
    assert sum(counts.values()) == len(names.every) and min(counts.values()) > 20


def test_languages_of_different_splits_have_little_in_common(names: Names) -> None:
    """By counting anew, slowly, against all of validation and test."""
    of = {split: [dict(one.pairs) for one in names.languages(split).values()] for split in SPLITS}
    for held in of["val"] + of["test"]:
        for other in of["train"]:
            both = held.keys() & other.keys()
            equal = sum(held[name] == other[name] for name in both)
            assert len(both) < cldr.COMPARED or equal <= ALIKE * len(both)


def test_locales_that_look_like_languages_of_their_own_and_are_not(names: Names) -> None:
    found = by_code(names)
    assert found["nn"].group == found["no"].group  # Nynorsk takes what it does not say itself from Norwegian
    assert "nb" not in found  # which says nothing itself
    assert found["da"].group != found["no"].group  # alike, by less than the limit
    assert "ht" not in found  # Haitian Creole has all but nothing
    assert not {"en", "root"} & set(found) and not [code for code in found if "_" in code]  # sr_Latn, zh_Hant, pt_PT


def test_pairs_are_a_languages_own_and_not_the_english_ones(names: Names) -> None:
    english = set(cldr.names("en").values())
    for language in names.every:
        assert len(language.pairs) >= LEAST
        assert all(here.casefold() != own.casefold() and here in english for here, own in language.pairs)
        assert len(dict(language.pairs)) == len(language.pairs)
        assert all(cldr.tidy(own) == own and cldr.fits(own) for _, own in language.pairs)
    found = by_code(names)
    assert ("Germany", "Alemania") in found["es"].pairs and ("January", "январь") in found["ru"].pairs
    assert {found[code].script for code in ("ru", "hi", "ar", "el")} == {"Cyrillic", "Devanagari", "Arabic", "Greek"}


def test_what_is_alike_by_way_of_a_third_is_together() -> None:
    base = {str(i): f"a{i}" for i in range(100)}
    near = base | {str(i): f"b{i}" for i in range(35)}
    far = near | {str(i): f"c{i}" for i in range(35, 70)}  # 30 % of the first
    few = dict(list(base.items())[: cldr.COMPARED - 1])
    first, second, third, fourth = cldr.grouped([base, near, far, few])
    assert first == second == third != fourth


def test_what_was_gathered_is_kept_and_a_damaged_file_made_again(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(cldr, "gathered", lambda _: made.append(1) or names.every[:2])
    assert cldr.languages(tmp_path) == cldr.languages(tmp_path) == names.every[:2]
    assert len(made) == 1
    (path,) = tmp_path.glob("names-*.json")
    path.write_text("[{}]")
    assert cldr.languages(tmp_path) == names.every[:2] and len(made) == 2


def test_a_seed_draws_the_same_tasks_again_and_names_are_distinct(names: Names) -> None:
    first, again, other = drawn(names, 0, 20), drawn(names, 0, 20), drawn(names, 1, 20)
    assert all(torch.equal(a, b) for a, b in zip(first.tensors, again.tensors, strict=True))
    assert not torch.equal(first.languages, other.languages)
    for given in names.written(first):
        language = next(one for one in names.every if one.name == given["language"])
        assert len(set(given["sources"])) == 7 and given["support"] == 3
        assert set(zip(given["sources"], given["expected"], strict=True)) <= set(language.pairs)


def test_a_batch_is_as_long_as_its_longest_name(names: Names) -> None:
    batch = drawn(names)
    parts = [part.flatten(0, 1) for part in batch.tensors[:4]]
    assert len({part.shape[1] for part in parts}) == 1
    assert (torch.cat(parts)[:, -1] != PADDING).any()
    assert all((part == END).sum(1).eq(1).all() for part in (parts[1], parts[3]))


def test_ordinary_batches_mix_languages(names: Names) -> None:
    x, y = names.sample_flat("train", 50, torch.Generator().manual_seed(0))
    assert x.shape == y.shape and len(x) == 50
    pooled = names.pooled("train", 50, torch.Generator().manual_seed(0))
    assert pooled.tasks == 1 and torch.equal(pooled.query_target[0], y)


def test_larger_tasks_than_every_language_gives_are_refused_with_a_way_out() -> None:
    for shape in (EpisodeShape(1, 90, 20), EpisodeShape(1, 2, 99), EpisodeShape(1, 80, 80)):
        (short,) = Names.shortages(NamesConfig(), shape, "test", None)
        assert Names.shortages(NamesConfig(), shape._replace(**short.lowered), "test", None) == []


# How an answer is judged


def constant(vocabulary: int = letters.VOCABULARY) -> tuple[Tensor, object]:
    """A network that answers by the integer before a place, and nothing else."""
    table = torch.randn(vocabulary, vocabulary, generator=torch.Generator().manual_seed(0))
    return table, lambda x: table[x[..., 1]]


def test_the_loss_is_the_mean_cross_entropy_of_what_is_there(names: Names) -> None:
    batch = drawn(names)
    table, answer = constant()
    theirs = []
    for task in batch.query_target.tolist():
        losses = []
        for sentence in task:
            before = BEGINNING
            for sign in (one for one in sentence if one != PADDING):
                losses.append(-table[before].log_softmax(-1)[sign])
                before = sign
        theirs.append(torch.stack(losses).mean())
    torch.testing.assert_close(batch.query_loss(answer), torch.stack(theirs))
    torch.testing.assert_close(batch.query_loss(answer), told(answer, batch.query_source, batch.query_target))
    wider = F.pad(batch.query_source, (0, 3)), F.pad(batch.query_target, (0, 3))
    torch.testing.assert_close(told(answer, *wider), batch.query_loss(answer))


def test_writing_for_many_at_once_is_writing_one_by_one(names: Names) -> None:
    """By a network whose sign depends on the source and on all that was written so far."""
    batch, table = drawn(names), torch.randn(7, 40, generator=torch.Generator().manual_seed(0))
    table[:, END] += 1.5

    def answer(x: Tensor) -> Tensor:
        places = torch.arange(1, x.shape[-2] + 1)
        state = ((x[..., 1] * places).cumsum(-1) + x[..., 0].sum(-1, keepdim=True)) % 7
        return table[state]

    together = batch.produced(answer)
    for task in range(batch.tasks):
        for query, source in enumerate(batch.query_source[task]):
            said = [BEGINNING]
            while len(said) <= batch.longest and said[-1] != END:
                x = torch.stack(
                    [F.pad(source, (0, 40))[: batch.longest], torch.tensor(said + [0] * 40)[: batch.longest]], -1
                )
                said.append(int(answer(x[None, None])[0, 0, len(said) - 1].argmax()))
            assert read(together)[task][query] == letters.read(said[1:])
    assert len({len(text) for text in read(together)[0]}) > 1


def test_chrf_of_a_case_that_is_counted_by_hand() -> None:
    """abcd for abce, runs of one to four: 3, 2, 1 and 0 of 4, 3, 2 and 1 are shared, for precision and recall alike."""
    assert chrf(["abcd"], ["abce"]) == pytest.approx((3 / 4 + 2 / 3 + 1 / 2 + 0) / 4, abs=1e-4)
    assert chrf(["über"], ["über"]) == 1.0 and chrf([""], ["a"]) == 0.0


def test_a_tasks_score_is_that_of_all_its_answers_together(names: Names) -> None:
    batch = drawn(names)
    right = F.pad(batch.query_target, (0, batch.longest - batch.query_target.shape[-1]))
    oracle = lambda x: F.one_hot(right[..., : x.shape[-2]], letters.VOCABULARY).float()  # noqa: E731
    assert batch.scores(oracle).tolist() == [1.0] * 3
    (given, *_) = names.written(batch)
    expected = given["expected"][3:]
    assert batch.scores(lambda x: oracle(x).roll(1, 1))[0].item() == pytest.approx(
        chrf([expected[-1], *expected[:-1]], expected)
    )


def test_exact_match_counts_what_is_right_to_the_last_sign(names: Names) -> None:
    batch = drawn(names)
    right = F.pad(batch.query_target, (0, batch.longest - batch.query_target.shape[-1]))

    def but_for_one(x: Tensor) -> Tensor:
        """The right answers, but for a sign of the first task's second one."""
        wrong = right.clone()
        wrong[0, 1, 0] = wrong[0, 1, 0] % (letters.VOCABULARY - 10) + 9
        return F.one_hot(wrong[..., : x.shape[-2]], letters.VOCABULARY).float()

    scored = batch.scored(but_for_one)
    assert scored["exact"].tolist() == [0.75, 1.0, 1.0]
    assert 0.5 < scored["chrf"][0] < 1 and torch.equal(scored["chrf"], batch.scores(but_for_one))
    assert exact(["a", "b"], ["a", "B"]) == 0.5


def test_a_task_is_of_its_languages_script(names: Names) -> None:
    batch = drawn(names, tasks=20)
    scripts = {one.name: one.script for one in names.every}
    given = names.written(batch)
    assert names.sorts(batch) == [f"{scripts[one['language']]} script" for one in given]
    assert len(set(names.sorts(batch))) > 1


def test_a_view_holds_both_sides_and_what_is_written_after_each_step(names: Names) -> None:
    from data.batch import Adapted

    batch = drawn(names)
    answer = constant()[1]
    views = names.views(batch, batch, [Adapted(0, answer, lambda: None), Adapted(2, answer, lambda: None)])
    assert [view.kind for view in views] == ["translations"] * 3
    assert set(views[0].said) == {0, 2} and len(views[0].said[0]["produced"]) == 4
    assert views[0].given["language"] and views[0].given["script"]
