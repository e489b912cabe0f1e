"""Episodes, losses and scores of the base class, and what a config says about shapes that do not fit."""

import math
from pathlib import Path

import pytest
import torch

from data import kept_words
from data.batch import Episodes
from data.doodles import Doodles, DoodlesConfig
from data.errors import DataError
from data.family import SPLITS, EpisodeShape, FamilyConfig, Split
from data.language import speaking
from data.metric import SQUARED_ERROR, accuracy
from data.objective import Regression
from data.omniglot import OmniglotConfig
from data.registry import families
from data.sinusoid import Sinusoid, SinusoidConfig
from data.spec import InputSpec


def test_every_family_is_found_by_its_name() -> None:
    assert {"sinusoid", "doodles", "omniglot"} <= set(families())
    for name, family in families().items():
        assert family.Config().name == name
        assert family.title and family.summary.endswith(".")


def found(config: FamilyConfig, shape: EpisodeShape, split: Split) -> list[tuple[str, str]]:
    """Field and sentence of each reason why these tasks cannot be drawn."""
    family = families()[config.name]
    return [(one.field, str(one)) for one in family.shortages(config, shape, split, family.sizes(config, None))]


@pytest.mark.parametrize("config", [SinusoidConfig(), DoodlesConfig(), OmniglotConfig()], ids=lambda c: c.name)
def test_the_default_training_shape_fits_every_split(config: FamilyConfig) -> None:
    assert [found(config, config.shape, split) for split in SPLITS] == [[], [], []]


def test_more_examples_than_a_class_has_are_refused_at_n_query() -> None:
    sentence = "k_shot + n_query = 25 exceeds the 20 examples per class of omniglot; lower n_query to 19 or less."
    assert found(OmniglotConfig(), EpisodeShape(5, 1, 24), "train") == [("n_query", sentence)]
    assert found(OmniglotConfig(), EpisodeShape(5, 1, 19), "train") == []


def test_more_shots_than_leave_a_query_are_refused_at_k_shot() -> None:
    ((field, sentence),) = found(DoodlesConfig(), EpisodeShape(5, 20, 1), "train")
    assert field == "k_shot"
    assert sentence.endswith("lower k_shot to 19 or less.")
    ((_, sentence),) = found(OmniglotConfig(), EpisodeShape(5, 30, 15), "test")
    assert sentence.endswith("lower k_shot to 5 or less.")


def test_more_classes_than_the_split_has_are_refused_at_n_way() -> None:
    config = OmniglotConfig(rotations=False)
    sentence = "n_way = 173 exceeds the 172 validation classes of omniglot; lower n_way to 172 or less."
    assert found(config, EpisodeShape(173, 1, 1), "val") == [("n_way", sentence)]
    assert found(config, EpisodeShape(173, 1, 1), "train") == []


def test_both_problems_are_told_at_once() -> None:
    config = DoodlesConfig(val_classes=10)
    assert [field for field, _ in found(config, EpisodeShape(11, 10, 11), "val")] == ["n_way", "n_query"]


def test_a_regression_has_no_ways() -> None:
    ((field, _),) = found(SinusoidConfig(), EpisodeShape(5, 10, 10), "test")
    assert field == "n_way"


def test_sampling_an_impossible_shape_says_why(tmp_path: Path) -> None:
    family = Doodles(DoodlesConfig(), datasets=tmp_path, cache=tmp_path)
    with pytest.raises(DataError, match=r"k_shot \+ n_query = 21 exceeds the 20") as caught:
        family.sample("train", EpisodeShape(5, 1, 20), 1, torch.Generator())
    assert caught.value.path == "family.n_query"
    assert list(tmp_path.iterdir()) == []  # refused before anything was drawn


def test_episodes_with_unequal_parts_are_refused() -> None:
    x, y = torch.zeros(2, 3, 1), torch.zeros(2, 3, 1)
    with pytest.raises(ValueError, match="leading axis"):
        Episodes(x, y, x[:1], y[:1], Regression())
    with pytest.raises(ValueError, match="query_x has 3 examples"):
        Episodes(x, y, x, y[:, :2], Regression())


def test_slicing_episodes_keeps_the_task_axis() -> None:
    x = torch.arange(6.0).view(3, 2, 1)
    part = Episodes(x, x, x, x, Regression())[1:2]
    assert part.tasks == 1
    assert torch.equal(part.query_x, x[1:2])


def test_losses_and_scores_are_per_task() -> None:
    images = Doodles.objective(EpisodeShape(2, 1, 1))
    logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[9.0, 0.0], [9.0, 0.0]]])
    target = torch.tensor([[1, 1], [0, 1]])
    # The first task is undecided: ln 2. The second is sure, right once and wrong once.
    sure = math.log1p(math.exp(-9.0))
    torch.testing.assert_close(images.loss(logits, target), torch.tensor([math.log(2), (sure + sure + 9.0) / 2]))
    assert images.score(logits, target).tolist() == [0.0, 0.5]
    curves = Sinusoid.objective(EpisodeShape(1, 1, 2))
    prediction = torch.tensor([[[1.0], [3.0]], [[0.0], [0.0]]])
    assert curves.loss(prediction, torch.zeros(2, 2, 1)).tolist() == [5.0, 0.0]
    assert curves.score(prediction, torch.zeros(2, 2, 1)).tolist() == [5.0, 0.0]


def test_a_familys_metric_is_known_without_its_data() -> None:
    assert Doodles.metric(EpisodeShape(5, 1, 15)) == accuracy(5)
    assert Doodles.metric(EpisodeShape(20, 1, 5)).chance == 0.05
    assert Sinusoid.metric(EpisodeShape(1, 10, 10)) == SQUARED_ERROR


@pytest.mark.parametrize(("config", "shape"), [(SinusoidConfig(), (1,)), (OmniglotConfig(), (1, 28, 28))])
def test_an_input_is_described_without_the_data(config: FamilyConfig, shape: tuple[int, ...]) -> None:
    assert config.input_spec == InputSpec(shape)
    assert config.input_spec.shape == shape


def test_a_family_without_files_has_nothing_to_download(tmp_path: Path) -> None:
    assert Doodles.missing(tmp_path) == []
    with pytest.raises(DataError, match="nothing to download"):
        Doodles.download(tmp_path, lambda *_: None)


def test_what_classes_and_tasks_are_called_is_kept_in_english_and_read_in_another_language() -> None:
    navigation = families()["navigation"]
    with speaking("zh"):
        task = navigation.task(navigation.Config().shape)
        assert task == "20 trajectories" and kept_words.said(task) == "20 条轨迹"
        assert (kept_words.said("class 12"), kept_words.said("5-way 1-shot"), kept_words.said("crow")) == (
            "类别 12",
            "5-way 1-shot",
            "crow",
        )
    assert (kept_words.said("class 12"), kept_words.said(task)) == ("class 12", task)
