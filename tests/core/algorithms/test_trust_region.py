"""TRPO as the outer update: its matrix, its solver and its steps, against what they are by definition."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.algorithms import trust_region
from core.algorithms.base import Algorithm
from core.algorithms.portion import Portion
from core.algorithms.trust_region import TRPO, Part, conjugate_gradient, derivatives, flat
from core.config.checks import ConfigError, without_effect
from core.config.run import RunConfig
from core.training.build import tried_out
from core.training.listener import Stopped
from core.training.step import Stepper, optimizer_of
from core.training.trainer import Trainer
from core.training.window import not_finite
from data.rollouts import RolloutBatch
from tests.core.learners import blank, of
from tests.core.tiny import MemoryListener, tiny

TRPO_ON = "training.outer_update=trpo"
FEW = ("evaluation.episodes=4", "evaluation.val_episodes=3")


def drawn(learner: Algorithm, tasks: int = 2) -> RolloutBatch:
    """A meta-batch in float64."""
    batch = learner.family.sample("train", learner.family.config.shape, tasks, torch.Generator().manual_seed(0))
    return batch._each(torch.Tensor.double)


def acted(learner: Algorithm, region: float = 0.01) -> tuple[TRPO, Part]:
    """The optimizer with one part that was acted in, and the part."""
    optimizer = TRPO(learner, region)
    optimizer.learn(drawn(learner))
    return optimizer, optimizer.parts[0]


def parameters(learner: Algorithm) -> Tensor:
    return flat([p.detach() for p in learner.parameters()])


def test_conjugate_gradients_solve_a_known_system() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    matrix, x = root @ root.T + torch.eye(6, dtype=torch.float64), torch.arange(6, dtype=torch.float64)
    torch.testing.assert_close(conjugate_gradient(lambda v: matrix @ v, matrix @ x), x)
    nothing = torch.zeros(6)
    assert torch.equal(conjugate_gradient(lambda _: pytest.fail("asked"), nothing), nothing)


@pytest.mark.parametrize("learner", ["maml", "meta-sgd"])
def test_the_product_is_that_of_the_policies_fisher_matrix(learner: str) -> None:
    """F = mean over states of Jᵀ D J: J of what an adapted policy says by the start of its adaptation, D the Fisher matrix of a
    normal distribution, 1/σ² by its mean and 2 by its log σ.
    """
    maml = of(learner, "model.widths=[3]", base="navigation")
    optimizer, part = acted(maml)
    answers = []
    judged = part.tasks.judged[0]
    query_loss = part.tasks._on

    def listening(first, answer):
        answers.append(answer(first.rollout.states.flatten(1, 2)))
        return query_loss(first, answer)

    part.tasks._on = listening
    part.tasks.again()
    maml.meta_loss(part.tasks)
    (said,) = answers  # (tasks, trajectories * steps, outputs)
    rows = [derivatives(number, optimizer.learned) for number in said.flatten()]
    jacobian = torch.stack(rows).view(*said.shape, -1)
    weight = torch.cat([(-2 * said[..., 2:]).exp(), torch.full_like(said[..., 2:], 2.0)], -1).detach()
    there = judged.rollout.there.flatten(1)
    weight = weight * (there / there.sum(1, keepdim=True)).unsqueeze(-1) / len(said)
    fisher = torch.einsum("tsop,tso,tsoq->pq", jacobian, weight, jacobian)
    products = torch.stack([derivatives(one, optimizer.learned) for one in part.slope])
    torch.testing.assert_close(products, fisher, rtol=1e-8, atol=1e-12)
    assert fisher.abs().max() > 1e-3


@pytest.mark.parametrize("learner", ["maml", "anil", "meta-sgd", "maml++"])
def test_a_step_is_better_and_stays_within_its_region(learner: str) -> None:
    one = of(learner, base="navigation")
    before = parameters(one)
    optimizer, part = acted(one)
    optimizer.step()
    change, divergence = optimizer._looked_at([part])
    assert change < 0 and 0 < divergence <= 0.01
    assert not torch.equal(parameters(one), before) and optimizer.parts == []


def test_a_whole_step_goes_as_far_as_the_region_by_its_quadratic_model(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = of("maml", base="navigation")
    optimizer, part = acted(learner, region=1e-10)  # so small that the model is exact
    start, found = parameters(learner), []
    monkeypatch.setattr(optimizer, "_search", lambda whole, _: found.append(whole))
    optimizer.step()
    product = derivatives(part.slope @ found[0], optimizer.learned)
    damped = product + trust_region.DAMPING * found[0]
    assert 0.5 * found[0] @ damped == pytest.approx(1e-10, rel=1e-6)
    optimizer._put(start - found[0])
    assert optimizer._looked_at([part])[1] == pytest.approx(float(0.5 * found[0] @ product), rel=0.02)
    assert found[0] @ flat([p.grad for p in optimizer.learned]) > 0  # against the gradient of the loss


def test_what_is_no_better_is_shortened_and_at_last_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = of("maml", base="navigation")
    before = parameters(learner)
    optimizer, _ = acted(learner)
    tried: list[Tensor] = []

    def looked_at(_: object) -> tuple[float, float]:
        tried.append(parameters(learner) - before)
        return 0.0, 0.0

    monkeypatch.setattr(optimizer, "_looked_at", looked_at)
    optimizer.step()
    assert len(tried) == trust_region.TRIES
    torch.testing.assert_close(tried[2], 0.8**2 * tried[0])
    assert torch.equal(parameters(learner), before)


def test_parts_of_a_meta_batch_take_the_step_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_region, "CONJUGATE_STEPS", 3)  # more of them make much of the last bit

    def stepped(at_once: int) -> Tensor:
        config = tiny("navigation", TRPO_ON, "training.meta_batch_size=3")
        learner = tried_out(config, blank(config)).double()
        sample = learner.family.sample
        learner.family.sample = lambda *asked: sample(*asked)._each(torch.Tensor.double)
        optimizer = optimizer_of(config, learner)
        stepper = Stepper(config, learner, optimizer, torch.Generator().manual_seed(0))
        stepper.portion = Portion(at_once=at_once)
        stepper.take(0, 0.0, 0.0)
        return parameters(learner)

    torch.testing.assert_close(stepped(1), stepped(3), rtol=1e-6, atol=1e-9)


def test_the_return_is_reported_as_ever_and_the_meta_gradient_is_the_same() -> None:
    one, other = (of("maml", base="navigation") for _ in range(2))
    report, right = TRPO(one, 0.01).learn(drawn(one)), other.learn(drawn(other))
    torch.testing.assert_close((report.query_loss, report.support_loss), (right.query_loss, right.support_loss))
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def cartpole() -> RunConfig:
    own = ("family=environments", "family.make_task=tests.core.cartpole:make_task", "model.constant_outputs=0")
    return tiny("navigation", *own, "family.k_shot=3", "family.n_query=3", "family.horizon=10", TRPO_ON, *FEW)


@pytest.mark.parametrize("config", [tiny("navigation", TRPO_ON, *FEW), cartpole()], ids=["navigation", "environments"])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(config: RunConfig, tmp_path: Path) -> None:
    def trained(folder: str, listener: MemoryListener):
        return Trainer(config, blank(config), tmp_path / folder, listener, beat=0.0).run()

    whole = trained("whole", MemoryListener())
    with pytest.raises(Stopped):
        trained("stopped", MemoryListener(lambda said: "stop" if said.iteration >= 2 else "run"))
    assert trained("stopped", MemoryListener()).scores.tolist() == whole.scores.tolist()


@pytest.mark.parametrize(
    ("base", "changed", "said", "ways"),
    [
        ("sinusoid", (), "how far policies change, and sinusoid is regression", 1),
        ("navigation", ("algorithm=reptile",), "Reptile learns otherwise", 1),
        ("navigation", ("algorithm=pretrain",), r"Pretrain \+ fine-tune learns otherwise", 1),
        ("navigation", ("family.meta_gradient=e-maml",), "E-MAML's term", 2),
        ("navigation", ("algorithm.recompute=true",), "recompute does not", 2),
        ("navigation", ("training.processes=2",), "in one process", 2),
        ("navigation", ("training.processes=2", "algorithm.recompute=true"), "recompute does not", 1),
    ],
)
def test_where_it_cannot_be_had_is_said_with_ways_out(base: str, changed: tuple, said: str, ways: int) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        tiny(base, TRPO_ON, *changed)
    (problem,) = error.value.problems
    assert problem.path == "training.outer_update" and len(problem.changes) == ways
    for change in problem.changes:
        tiny(base, TRPO_ON, *changed, *(f"{path}={str(value).lower()}" for path, value in change.items()))


def test_settings_that_play_no_part_are_left_out() -> None:
    def idle(*assignments: str, base: str = "navigation") -> set[str]:
        found = without_effect(tiny(base, *assignments).model_dump())
        return {path.removeprefix("training.") for path in found} & {"outer_update", "trust_region", "meta_lr"}

    assert idle() == {"trust_region"} and idle(TRPO_ON) == {"meta_lr"}
    assert idle(base="sinusoid") == {"outer_update", "trust_region"}


def test_a_learner_that_is_told_instead_takes_such_steps_too() -> None:
    with pytest.raises(ConfigError) as error:
        tiny("navigation", TRPO_ON, "algorithm=protonet")
    (problem,) = error.value.problems
    assert [way["algorithm"] for way in problem.changes if way["algorithm"] in ("reptile", "pretrain")] == []
    for way in problem.changes:
        tiny("navigation", TRPO_ON, f"algorithm={way['algorithm']}")


def test_steps_that_are_too_large_are_made_smaller_by_the_region() -> None:
    config = tiny("navigation", TRPO_ON)
    learner = tried_out(config, blank(config))
    assert "training.trust_region (now 0.01)" in not_finite(config, learner, 3).remedy
