"""The networks: their shapes, their start, and what is said when one cannot be had."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from core.algorithms.forward import stack_weights
from core.models.base import ModelError, build_model, embedding_shape, models
from core.models.conv4 import Conv4Config
from core.models.mlp import MLPConfig
from core.models.module import ModuleConfig, import_class
from core.models.resnet12 import ResNet12Config
from data.spec import InputSpec

PICTURE = InputSpec((1, 28, 28))
TOKENS = InputSpec((6,), "integer", vocabulary=11, padding=0)


@pytest.mark.parametrize(
    ("config", "spec"),
    [
        (MLPConfig(), InputSpec((1,))),
        (MLPConfig(widths=[128, 64]), PICTURE),
        (MLPConfig(widths=[]), PICTURE),
        (MLPConfig(constant_outputs=6), PICTURE),
        (Conv4Config(filters=8), PICTURE),
        (Conv4Config(filters=8, downsampling="max-pool"), PICTURE),
        (Conv4Config(filters=8, downsampling="max-pool"), InputSpec((3, 84, 84))),
        (Conv4Config(filters=8), InputSpec((3, 20, 33))),
        (Conv4Config(filters=8, halvings=2), PICTURE),
        (Conv4Config(filters=8, halvings=1, downsampling="max-pool"), InputSpec((1, 12, 28))),
    ],
)
def test_a_network_maps_inputs_to_outputs(config, spec: InputSpec) -> None:
    assert build_model(config, spec, 7, seed=0)(spec.noise(3)).shape == (3, 7)


def test_the_published_network_has_the_published_size() -> None:
    """Finn et al. 2017, released code: 64 filters, four strided convolutions, linear from the mean."""
    model = build_model(Conv4Config(), PICTURE, 5, seed=0)
    expected = (1 * 9 * 64 + 64) + 3 * (64 * 9 * 64 + 64) + 4 * 2 * 64 + (64 * 5 + 5)
    assert sum(p.numel() for p in model.parameters()) == expected
    assert [m.stride for m in model.modules() if isinstance(m, nn.Conv2d)] == [(2, 2)] * 4


@pytest.mark.parametrize("downsampling", ["stride", "max-pool"])
def test_a_relation_networks_features_are_seven_by_seven(downsampling: str) -> None:
    """Sung et al. 2018, released code: of the four blocks the first two halve the picture (to 5×5, as they pad nothing)."""
    model = build_model(Conv4Config(downsampling=downsampling, halvings=2), PICTURE, None, seed=0)
    assert model(PICTURE.noise(3)).shape == (3, 64, 7, 7)


def test_the_start_is_a_function_of_the_seed_alone() -> None:
    def start(seed: int) -> torch.Tensor:
        torch.rand(3)
        return build_model(MLPConfig(), InputSpec((1,)), 1, seed)[1].weight

    before = torch.get_rng_state()
    build_model(MLPConfig(), InputSpec((1,)), 1, 4)
    assert torch.equal(torch.get_rng_state(), before)  # nothing is taken from whoever else draws numbers
    assert torch.equal(start(4), start(4))
    assert not torch.equal(start(4), start(5))


def test_the_papers_start_of_the_sinusoid_network() -> None:
    model = build_model(MLPConfig(widths=[400, 400], initial_std=0.01), InputSpec((1,)), 1, seed=0)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    assert linear[1].weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert all(torch.count_nonzero(layer.bias) == 0 for layer in linear)


def test_constant_outputs_are_weights_that_read_no_input() -> None:
    model = build_model(MLPConfig(widths=[8], constant_outputs=2), InputSpec((2,)), 5, seed=0)
    with torch.no_grad():
        model[-1].values += torch.tensor([0.5, -1.0])
    answers = model(torch.randn(3, 2))
    assert answers[:, 3:].tolist() == 3 * [[0.5, -1.0]]
    assert len(answers[:, 0].unique()) == 3
    stacked, x = stack_weights(model, 4), torch.randn(4, 3, 2)
    torch.testing.assert_close(model.stacked_forward(stacked, x), torch.stack([model(one) for one in x]))
    with pytest.raises(ModelError, match=r"5 constant outputs of 5 leave none.*Set it to 4 or less"):
        build_model(MLPConfig(constant_outputs=5), InputSpec((2,)), 5, seed=0)


def test_running_statistics_are_taken_out(write_module: Callable[[], str]) -> None:
    model = build_model(ModuleConfig(path=f"{write_module()}:Normed"), PICTURE, 3, seed=0)
    (norm,) = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert norm.running_mean is None
    x = PICTURE.noise(4)
    torch.testing.assert_close(model.eval()(x), model.train()(x))
    assert not list(model.buffers())


@pytest.mark.parametrize(
    ("config", "spec", "words"),
    [
        (Conv4Config(), InputSpec((1,)), "choose mlp"),
        (Conv4Config(downsampling="max-pool"), InputSpec((1, 12, 28)), "at least 16×16, not 12×28"),
        (Conv4Config(downsampling="max-pool", halvings=2), InputSpec((1, 3, 28)), "at least 4×4, not 3×28"),
        (Conv4Config(downsampling="stride"), InputSpec((1, 12, 28)), ""),
        (MLPConfig(), InputSpec((1,)), ""),
        (MLPConfig(), TOKENS, "gives tokens"),
        (Conv4Config(), TOKENS, "gives tokens"),
        (ResNet12Config(), TOKENS, "gives tokens"),
    ],
)
def test_which_inputs_a_network_can_read(config, spec: InputSpec, words: str) -> None:
    problem = models()[config.name].problem(config, spec)
    assert words in problem
    assert bool(problem) is bool(words)


# Modules of one's own


def test_arguments_reach_the_class(write_module: Callable[[], str]) -> None:
    config = ModuleConfig(path=f"{write_module()}:Plain", arguments={"width": 9})
    assert build_model(config, PICTURE, 3, seed=0).classify.in_features == 9


def test_a_network_that_asks_for_the_input_spec_gets_it_whole(write_module: Callable[[], str]) -> None:
    model = build_model(ModuleConfig(path=f"{write_module()}:Reader"), TOKENS, 4, seed=0)
    assert (model.embed.num_embeddings, model.embed.padding_idx) == (TOKENS.vocabulary, TOKENS.padding)
    assert model(TOKENS.noise(3)).shape == (3, 4)
    assert embedding_shape(
        build_model(ModuleConfig(path=f"{write_module()}:Reader"), TOKENS, None, seed=0), TOKENS
    ) == (8,)


@pytest.mark.parametrize(
    ("path", "message", "remedy", "at"),
    [
        ("", "'' is not an import path", "package.module:Class", "model.path"),
        ("OWN", "is not an import path", "package.module:Class", "model.path"),
        ("no_such_folder.nets:Net", "No module 'no_such_folder' was found", "INNERLOOP_PATH", "model.path"),
        ("OWN:Missing", "has no 'Missing'", "after the colon", "model.path"),
        ("OWN:NOT_A_MODULE", "is not a torch.nn.Module class", "derives from torch.nn.Module", "model.path"),
        ("OWN:Empty", "no parameters to learn", "nn.Parameter", "model.path"),
        ("OWN:Needy", "missing 1 required positional argument: 'depth'", "input_shape, outputs", "model.arguments"),
    ],
)
def test_a_module_that_cannot_be_had(
    path: str, message: str, remedy: str, at: str, write_module: Callable[[], str]
) -> None:
    with pytest.raises(ModelError) as caught:
        build_model(ModuleConfig(path=path.replace("OWN", write_module())), PICTURE, 3, seed=0)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.path == at


@pytest.mark.parametrize(
    ("code", "words"),
    [("1 / 0", "ZeroDivisionError"), ("def broken(:", "SyntaxError"), ("import no_such_package", "no_such_package")],
)
def test_a_module_that_fails_while_it_is_imported(code: str, words: str, write_module: Callable[[str], str]) -> None:
    with pytest.raises(ModelError, match=words):
        import_class(f"{write_module(code)}:Net")


def test_the_folders_of_innerloop_path_do_not_come_before_the_project(
    tmp_path: Path, write_module: Callable[[str], str]
) -> None:
    """A file of the person's own named like one of ours must not replace it."""
    import_class(f"{write_module()}:Plain")
    assert str(tmp_path / "own") in sys.path
    assert sys.path.index(str(tmp_path / "own")) == len(sys.path) - 1
