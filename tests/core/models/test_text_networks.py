"""The networks for texts: what they compute, that padding changes nothing, and that all tasks go through them at once."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.algorithms.forward import TaskForward
from core.algorithms.maml import MAML, MAMLConfig
from core.config.run import RunConfig
from core.models.bag import BagConfig
from core.models.base import build_model, embedding_shape, models
from core.models.gru import GRUConfig
from core.models.transformer import TransformerConfig
from core.training.build import tried_out, without_data
from data.batch import Episodes
from data.family import EpisodeShape
from data.intents import Intents, IntentsConfig
from data.objective import Classification
from data.spec import InputSpec
from tests.core.learners import assert_same, meta_gradient, textbook

SPEC = InputSpec((10, 3), "integer", vocabulary=40, padding=0)
CONFIGS = [BagConfig(width=8, widths=[6]), GRUConfig(width=8, hidden=6), TransformerConfig(heads=2, head_width=4)]
networks = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)


def texts(*leading: int, longest: int = 5, seed: int = 0) -> Tensor:
    """Tokens (*leading, longest, 3) of one to ``longest`` words of one to three pieces, padded."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(most: int, *shape: int) -> Tensor:
        return torch.randint(1, most + 1, shape, generator=generator)

    words = torch.arange(longest) < drawn(longest, *leading, 1)
    pieces = torch.arange(3) < drawn(3, *leading, longest, 1)
    return drawn(39, *leading, longest, 3) * words.unsqueeze(-1) * pieces


@networks
def test_texts_become_outputs_or_embeddings(config) -> None:
    assert build_model(config, SPEC, 7, seed=0)(texts(4)).shape == (4, 7)
    assert embedding_shape(build_model(config, SPEC, None, seed=0), SPEC) == ({"transformer": 8}.get(config.name, 6),)


@networks
@pytest.mark.parametrize("spec", [InputSpec((10,), "integer", 40, 0), InputSpec((10, 3), "integer", 40)], ids=str)
def test_words_of_one_piece_and_tokens_without_padding_are_read_too(config, spec: InputSpec) -> None:
    assert build_model(config, spec, 7, seed=0)(spec.noise(4)).isfinite().all()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 5), st.integers(0, 2), st.integers(0, 99))
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_padding_changes_no_answer(config, words: int, pieces: int, seed: int) -> None:
    spec = InputSpec((10, 3 + pieces), "integer", 40, 0)
    model, x = build_model(config, spec, 4, seed=1).double(), texts(3, seed=seed)
    padded = F.pad(x, (0, pieces, 0, words))
    torch.testing.assert_close(model(padded), model(x), rtol=1e-9, atol=1e-12)


@networks
def test_a_text_without_words_has_an_answer_and_a_gradient(config) -> None:
    model = build_model(config, SPEC, 4, seed=0)
    answer = model(torch.zeros(2, 5, 3, dtype=torch.int64))
    assert answer.isfinite().all()
    (answer.sum() * sum(p.sum() for p in model.parameters())).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@networks
def test_the_order_of_words_counts_but_in_a_bag(config) -> None:
    model, x = build_model(config, SPEC, 4, seed=0), texts(6, longest=10)
    x = x[(x[..., 0] != 0).all(-1)] if (x[..., 0] != 0).all(-1).any() else SPEC.noise(3).clamp(min=1)
    same = torch.allclose(model(x), model(x.flip(1)), atol=1e-6)
    assert same is (config.name == "bag")


def test_the_gru_is_pytorch_s() -> None:
    model = build_model(GRUConfig(width=8, hidden=6), SPEC, None, seed=0)
    cell = nn.GRU(8, 6, batch_first=True)
    cell.weight_ih_l0, cell.bias_ih_l0 = model.read.weight, model.read.bias
    cell.weight_hh_l0, cell.bias_hh_l0 = model.recall.weight, model.recall.bias
    x = SPEC.noise(4).clamp(min=1)
    torch.testing.assert_close(model(x), cell(model.words(x)[0])[1][0])


@networks
def test_all_tasks_at_once_and_one_after_the_other_are_the_same(config) -> None:
    model, x = build_model(config, SPEC, 4, seed=0).double(), texts(3, 5)
    stacked, loop = (TaskForward(model, mode) for mode in ("stacked", "loop"))
    weights = {
        name: w * (1 + torch.arange(3.0).view(-1, *[1] * (w.ndim - 1)) / 7) for name, w in stacked.stack(3).items()
    }
    torch.testing.assert_close(stacked(weights, x), loop(weights, x))


@networks
def test_the_meta_gradient_through_it_is_the_textbook_s(config) -> None:
    """Second order, so that every layer is differentiated twice."""
    family = Intents(IntentsConfig(n_way=3), datasets=Path(), cache=Path())

    def network(outputs: int | None) -> nn.Module:
        return build_model(config, SPEC, outputs, seed=2)

    settings = MAMLConfig(inner_lr=0.5, inner_steps=2)
    learner = MAML(settings, network, family, EpisodeShape(3, 2, 2), "transductive").double()
    y = torch.arange(3).repeat_interleave(2).expand(2, 6)
    episodes = Episodes(texts(2, 6, seed=1), y, texts(2, 6, seed=2), y, Classification(3))
    ours = meta_gradient(learner, episodes)
    assert_same(ours, textbook(learner.model, episodes, inner_lr=0.5, inner_steps=2))


@networks
def test_a_run_takes_all_tasks_at_once(config) -> None:
    values = {"family": {"name": "intents", "longest": 10}, "model": config.model_dump(), "algorithm": {"name": "maml"}}
    run = RunConfig.model_validate(values)
    assert tried_out(run, without_data(run)).forward_tasks.mode == "stacked"


@networks
def test_pictures_and_points_are_refused_with_what_suits_them(config) -> None:
    problem = models()[config.name].problem
    assert problem(config, SPEC) == ""
    assert "choose conv4" in problem(config, InputSpec((1, 28, 28)))
    assert "choose mlp" in problem(config, InputSpec((1,)))
