"""Any network with any learner: tried out before it is launched, run stacked where vmap takes it, else in a loop."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from core.algorithms.base import algorithms
from core.models.base import ModelError
from core.runs.home import Home
from core.training import checkpoint
from core.training.build import build_learner, check, cores_before, parameter_count, threads, tried_out
from core.training.trainer import Trainer
from tests.core.learners import blank
from tests.core.tiny import MemoryListener, open_tiny, tiny


@pytest.fixture
def own(write_module: Callable[[], str]) -> Callable[[str], tuple[str, str]]:
    """Assignments that choose a network of ``own_nets``."""
    module = write_module()
    return lambda name: ("model=module", f"model.path={module}:{name}")


FORWARDS = {
    "Plain": "stacked",
    "Embedded": "stacked",
    "Dropped": "stacked",
    "Normed": "stacked",
    "Viewed": "stacked",
    "Recurrent": "loop",
    "Running": "loop",
}


@pytest.mark.parametrize("statistics", ["transductive", "support"])
@pytest.mark.parametrize("network", FORWARDS)
def test_any_network_is_trained_and_tested(network: str, statistics: str, own, pictures: Home, tmp_path: Path) -> None:
    config = tiny("doodles", *own(network), f"batch_statistics={statistics}", "evaluation.episodes=4")
    listener = MemoryListener()
    trainer = Trainer(config, open_tiny(config, pictures), tmp_path, listener)
    start = {name: p.clone() for name, p in build_learner(config, trainer.family, "loop").named_parameters()}
    result = trainer.run()
    assert listener.forward == FORWARDS[network]
    assert result.non_finite == 0
    said = {"transductive": "queries together", "support": "support"}[statistics]
    assert result.protocol["batch_statistics"] == (said if network in ("Normed", "Viewed") else "none")
    # The test is of the best weights, which after so few steps may be those of the start.
    trained, _ = checkpoint.read(checkpoint.newest(tmp_path, "last"))
    assert any(not torch.equal(trained[name], p) for name, p in start.items())


@pytest.mark.parametrize("learner", ["pretrain", "scratch"])
@pytest.mark.parametrize("network", ["Recurrent", "Normed"])
def test_baselines_take_any_network_too(learner: str, network: str, own, pictures: Home, tmp_path: Path) -> None:
    steps = "finetune_steps" if learner == "pretrain" else "inner_steps"
    config = tiny("doodles", *own(network), f"algorithm={learner}", f"algorithm.{steps}=2", "evaluation.episodes=4")
    result = Trainer(config, open_tiny(config, pictures), tmp_path, MemoryListener()).run()
    assert result.protocol["chosen"]["steps"] == 2
    assert 0 <= result.mean <= 1


def test_pretraining_is_tried_out_with_every_weight_of_the_network_adapting(own) -> None:
    """A body that vmap refuses would otherwise be found out when fine-tuning is chosen, after all of the training."""
    assert check(tiny("doodles", *own("Branching"), "algorithm=pretrain")).forward == "loop"


def test_the_trial_finds_the_wrong_number_of_outputs(own) -> None:
    with pytest.raises(ModelError, match=r"gives \(4,\) values .* need \(3,\)") as caught:
        check(tiny("doodles", *own("WrongSize")))
    assert "outputs" in caught.value.remedy


@pytest.mark.parametrize(
    ("network", "words"), [("Empty", "no parameters"), ("NOT_A_MODULE", "not a torch.nn.Module"), ("Gone", "no 'Gone'")]
)
def test_the_check_before_launch_says_why_not(network: str, words: str, own) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        check(tiny("doodles", *own(network)))
    assert caught.value.remedy


def test_a_network_that_reads_another_input_is_refused_with_its_own_words(write_module: Callable[[str], str]) -> None:
    code = (
        "from torch import nn\n"
        "class Narrow(nn.Linear):\n"
        "    def __init__(self, input_shape, outputs):\n"
        "        super().__init__(13, outputs)\n"
    )
    with pytest.raises(ModelError, match="module cannot learn these tasks: RuntimeError") as caught:
        check(tiny("doodles", "model=module", f"model.path={write_module(code)}:Narrow"))
    assert caught.value.path == "model"
    assert caught.value.__cause__ is not None


def test_a_full_memory_is_not_taken_for_a_network_that_vmap_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("core.training.build.try_out", full)
    with pytest.raises(torch.OutOfMemoryError):
        tried_out(tiny("doodles"), blank(tiny("doodles")))


def test_the_trial_draws_nothing_and_needs_no_data() -> None:
    config = tiny("conv4")
    before = torch.get_rng_state()
    assert tried_out(config, blank(config)).forward_tasks.mode == "stacked"
    assert torch.equal(torch.get_rng_state(), before)


def test_made_up_tasks_have_the_shape_of_real_ones(pictures: Home) -> None:
    for base, few in (("sinusoid", 2), ("doodles", 1)):
        config = tiny(base, f"evaluation.k_shot={few}", f"evaluation.n_query={few}")
        family = open_tiny(config, pictures)
        real = family.sample("train", config.test_shape, 2, torch.Generator())
        fake = family.made_up(config.test_shape, 2, torch.Generator().manual_seed(0))
        for part in ("support_x", "support_y", "query_x", "query_y"):
            ours, theirs = getattr(fake, part), getattr(real, part)
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), part


def test_parameters_are_counted() -> None:
    assert parameter_count(tiny("sinusoid", "model.widths=[40, 40]")) == (40 + 40) + (40 * 40 + 40) + (40 + 1)
    assert parameter_count(tiny("doodles", "model.widths=[]")) == 784 * 3 + 3


def test_a_learner_that_compares_needs_something_to_learn() -> None:
    """A run would only fail at its first step, with a traceback."""
    with pytest.raises(ModelError, match="Without any layer ProtoNet has nothing to learn") as caught:
        check(tiny("doodles", "algorithm=protonet", "model.widths=[]"))
    assert "choose nearest-centroid" in caught.value.remedy
    check(tiny("doodles", "algorithm=nearest-centroid", "model.widths=[]"))


def test_networks_that_read_any_layout_are_kept_by_pixel_on_a_processor(own) -> None:
    weights = {
        network: next(p for p in build_learner(config, blank(config), "stacked").parameters() if p.ndim == 4)
        for network, config in {"conv4": tiny("conv4"), "own": tiny("doodles", *own("Viewed"))}.items()
    }
    assert weights["conv4"].shape[1] == weights["own"].shape[1] == 1  # either layout is the other, but for the strides
    strides = {network: weight.stride() for network, weight in weights.items()}
    assert strides == {"conv4": (9, 1, 3, 1), "own": (9, 9, 3, 1)}
    config = tiny("conv4")
    elsewhere = build_learner(config, blank(config, "meta"), "stacked")  # any device but a processor
    assert next(elsewhere.parameters()).stride() == (9, 9, 3, 1)


def test_a_small_network_gets_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    for expected, config in ((1, tiny("sinusoid")), (8, tiny("conv4")), (8, tiny("doodles", "model.widths=[1000]"))):
        learner = build_learner(config, blank(config), "stacked")
        assert threads(learner) == expected
        assert [threads(learner, processes) for processes in (4, 16)] == [max(1, expected // 4), 1]


@pytest.mark.parametrize(
    ("base", "setting", "cores"),
    [
        ("sinusoid", "seed=1", 1),
        ("sinusoid", "training.processes=2", 2),
        ("sinusoid", "training.minutes=1", None),
        ("doodles", "algorithm=nearest-centroid", 1),
        ("doodles", "model.widths=[1000]", None),
        ("conv4", "seed=1", None),
    ],
)
def test_a_trial_finds_out_how_many_cores_a_run_computes_with(base: str, setting: str, cores: int | None) -> None:
    """One with a time budget must not come less far because of its neighbours."""
    config = tiny(base, setting)
    assert check(config).cores == cores
    assert cores_before(config) == cores, "also before it"


@pytest.mark.parametrize("learner", ["maml", "maml++", "pretrain", "snail", "baseline++"])
def test_the_learner_that_was_tried_out_is_as_it_was_built(learner: str) -> None:
    """So that it can go on to train: the same weights, buffers and choice, and no gradient left."""
    settings = ("algorithm.running_statistics=true",) if learner == "maml++" else ()
    config = tiny("conv4", f"algorithm={learner}", *settings)
    built, tried = build_learner(config, blank(config), "stacked"), tried_out(config, blank(config))
    for (name, ours), (_, theirs) in zip(tried.state_dict().items(), built.state_dict().items(), strict=True):
        assert torch.equal(ours, theirs), name
    assert tried.choice == built.choice
    assert all(p.grad is None for p in tried.parameters())


def test_a_network_too_large_for_the_machine_is_refused_without_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.build.tried_out", lambda *_: pytest.fail("it was built"))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=2**30))
    with pytest.raises(ModelError, match=r"weights takes 2 GiB to train, and this machine has 1") as caught:
        check(tiny("doodles", "model.widths=[4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096]"))
    assert caught.value.path == "model"


@pytest.mark.parametrize("learner", sorted(algorithms()))
def test_weights_are_counted_without_memory_for_them(learner: str) -> None:
    base = "sinusoid" if "classification" not in algorithms()[learner].kinds else "conv4"
    config = tiny(base, f"algorithm={learner}")
    real = build_learner(config, blank(config), "stacked")
    assert parameter_count(config) == sum(p.numel() for p in real.parameters() if p.requires_grad)
