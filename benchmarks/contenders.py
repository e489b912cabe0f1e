"""The sides that are compared: Innerloop, and how others compute the same. Each makes one workload's work callable.

The peers' sides follow their own examples: one task after the other, each task's share of the meta-loss backwards as soon as
it is known, which holds one task's graph at a time. All draw their meta-batch as Innerloop does, with the same generator.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.workloads import Opened, Workload
from core.models.base import build_model
from core.training.evaluation import evaluate
from core.training.frozen import frozen_episodes
from core.training.streams import stream
from data.batch import Episodes
from data.pictures import Pictures, as_input
from data.sinusoid import AMPLITUDE, PHASE, X_RANGE

OURS, TEXTBOOK, HIGHER, TORCHOPT, PAPER, PYTHON = (
    "Innerloop",
    "textbook loop",
    "higher",
    "torchopt",
    "paper's code",
    "Python sampler",
)


class NotHere(Exception):
    """A contender that cannot do this workload, or is not installed; says why."""


@dataclass(frozen=True)
class Work:
    """What a side does in one repeat, and what all sides have to agree on afterwards, by name.

    answer: of a meta-step its meta-gradient, of scoring the mean score; of sampling the shapes that it gives.
    """

    do: Callable[[], None]
    answer: Callable[[], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """One task's tensors, without the axis of tasks."""

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor


def each(episodes: Episodes) -> Iterator[Task]:
    return (Task(*parts) for parts in zip(*episodes.tensors, strict=True))


def contenders(workload: Workload) -> list[str]:
    """Who can do a workload, Innerloop last. Whether they are installed shows when they are asked to."""
    if workload.kind == "sampling":
        return [PYTHON, OURS]
    if workload.kind == "scoring":
        return [TEXTBOOK, OURS]
    if workload.config["algorithm"]["name"] == "protonet":
        return [PAPER, OURS]
    return [TEXTBOOK, HIGHER, TORCHOPT, OURS]


def work(contender: str, opened: Opened) -> Work:
    """A side's work. Raises NotHere with the reason where it has none."""
    kind = opened.workload.kind
    if kind == "sampling":
        return sampling(contender, opened)
    if kind == "scoring":
        return scoring(contender, opened)
    return ours(opened) if contender == OURS else peer(contender, opened)


def installed(package: str) -> str:
    """Its version. Raises NotHere where it cannot be imported, also where its build does not fit this torch."""
    try:
        __import__(package)
        return version(package)
    except (ImportError, OSError) as error:
        raise NotHere(f"not installed ({type(error).__name__}: {str(error).splitlines()[0]})") from error


def gradients(named: dict[str, nn.Parameter]) -> dict[str, np.ndarray]:
    return {name: p.grad.cpu().numpy() for name, p in named.items() if p.grad is not None}


def ours(opened: Opened) -> Work:
    """As the trainer calls it: drawing, adapting, and the meta-gradient in the parameters' ``grad``."""
    learner, shape, tasks = opened.learner, opened.config.family.shape, opened.workload.tasks

    def do() -> None:
        learner.zero_grad(set_to_none=True)
        learner.meta_step(shape, tasks, opened.generator)

    return Work(do, lambda: gradients(dict(learner.model.named_parameters())))


def peer(contender: str, opened: Opened) -> Work:
    """A loop over tasks in a contender's way, around the same network with the same start, as torch lays it out."""
    config, family = opened.config, opened.family
    network = network_of(opened)
    one = {TEXTBOOK: textbook, HIGHER: with_higher, TORCHOPT: with_torchopt, PAPER: protonet}[contender](
        opened, network
    )

    def do() -> None:
        network.zero_grad(set_to_none=True)
        episodes = family.sample("train", config.family.shape, opened.workload.tasks, opened.generator)
        for task in each(episodes):
            one(task, 1 / episodes.tasks)

    return Work(do, lambda: gradients(dict(network.named_parameters())))


def network_of(opened: Opened) -> nn.Module:
    """The workload's network at the start that Innerloop's learner has too, laid out as torch does it."""
    config, family = opened.config, opened.family
    outputs = None if config.algorithm.name == "protonet" else family.outputs(config.family.shape)
    network = build_model(config.model, family.input_spec, outputs, stream(config.seed, "network"))
    return network.to(family.device, opened.dtype)


def loss_of(opened: Opened) -> Callable[[Tensor, Tensor], Tensor]:
    return F.mse_loss if opened.family.kind == "regression" else F.cross_entropy


def split(opened: Opened, network: nn.Module) -> tuple[Callable[[Tensor], Tensor], nn.Module]:
    """What comes before the inner loop, and the network that adapts in it: of ANIL the output layer alone."""
    return (network[:-1], network[-1]) if opened.config.algorithm.name == "anil" else (lambda x: x, network)


def textbook(opened: Opened, network: nn.Module) -> Callable[[Task, float], None]:
    """As learn2learn's MAML and ANIL do it: cloned weights, and ``autograd.grad`` on them at each inner step."""
    algorithm, loss, (body, adapting) = opened.config.algorithm, loss_of(opened), split(opened, network)
    second_order = not algorithm.first_order

    def one(task: Task, share: float) -> None:
        support, query = body(task.support_x), body(task.query_x)
        weights = {name: p.clone() for name, p in adapting.named_parameters()}
        for _ in range(algorithm.inner_steps):
            inner = loss(functional_call(adapting, weights, (support,)), task.support_y)
            steps = torch.autograd.grad(
                inner, list(weights.values()), retain_graph=second_order, create_graph=second_order
            )
            weights = {n: w - algorithm.inner_lr * g for (n, w), g in zip(weights.items(), steps, strict=True)}
        (share * loss(functional_call(adapting, weights, (query,)), task.query_y)).backward()

    return one


def with_higher(opened: Opened, network: nn.Module) -> Callable[[Task, float], None]:
    """Grefenstette et al. 2019, ``higher.innerloop_ctx`` (https://github.com/facebookresearch/higher)."""
    installed("higher")
    import higher

    algorithm, loss, (body, adapting) = opened.config.algorithm, loss_of(opened), split(opened, network)
    plain = torch.optim.SGD(adapting.parameters(), lr=algorithm.inner_lr)

    def one(task: Task, share: float) -> None:
        support, query = body(task.support_x), body(task.query_x)
        context = higher.innerloop_ctx(
            adapting, plain, copy_initial_weights=False, track_higher_grads=not algorithm.first_order
        )
        with context as (adapted, inner):
            for _ in range(algorithm.inner_steps):
                inner.step(loss(adapted(support), task.support_y))
            outer = share * loss(adapted(query), task.query_y)
            if not algorithm.first_order:
                outer.backward()
                return
            # Without the graph of the steps the adapted weights are leaves: their gradient is first-order MAML's.
            for p, gradient in zip(
                adapting.parameters(), torch.autograd.grad(outer, list(adapted.parameters())), strict=True
            ):
                p.grad = gradient if p.grad is None else p.grad + gradient

    return one


def with_torchopt(opened: Opened, network: nn.Module) -> Callable[[Task, float], None]:
    """Ren et al. 2023, ``torchopt.MetaSGD`` (https://github.com/metaopt/torchopt)."""
    installed("torchopt")
    import torchopt

    algorithm, loss, (body, adapting) = opened.config.algorithm, loss_of(opened), split(opened, network)
    if algorithm.first_order:
        raise NotHere("its MetaSGD is second order only")
    inner = torchopt.MetaSGD(adapting, lr=algorithm.inner_lr)
    start = torchopt.extract_state_dict(adapting, by="reference", detach_buffers=True)
    fresh = torchopt.extract_state_dict(inner, by="reference")

    def one(task: Task, share: float) -> None:
        support, query = body(task.support_x), body(task.query_x)
        for _ in range(algorithm.inner_steps):
            inner.step(loss(adapting(support), task.support_y))
        (share * loss(adapting(query), task.query_y)).backward()
        torchopt.recover_state_dict(adapting, start)
        torchopt.recover_state_dict(inner, fresh)

    return one


def protonet(opened: Opened, network: nn.Module) -> Callable[[Task, float], None]:
    """Snell et al. 2017's own code: all pictures as one batch, distances by expanding, the log-softmax's entry."""
    n_way, k_shot, _ = opened.config.family.shape

    def one(task: Task, share: float) -> None:
        embedded = network(torch.cat([task.support_x, task.query_x])).flatten(1)  # (examples, d)
        prototypes = embedded[: n_way * k_shot].view(n_way, k_shot, -1).mean(1)
        query = embedded[n_way * k_shot :]
        n, m, d = len(query), n_way, query.shape[1]
        distances = (query.unsqueeze(1).expand(n, m, d) - prototypes.unsqueeze(0).expand(n, m, d)).pow(2).sum(2)
        picked = F.log_softmax(-distances, 1).gather(1, task.query_y.unsqueeze(1))
        (-share * picked.mean()).backward()

    return one


def scoring(contender: str, opened: Opened) -> Work:
    """Frozen test tasks, drawn beforehand. Innerloop's ``evaluate`` also scores every inner step before the last."""
    config, family, tasks = opened.config, opened.family, opened.workload.tasks
    frozen = frozen_episodes(config, family, "test", tasks)
    if contender == OURS:
        frozen.sha256()  # taken once a run
        learner, result = opened.learner, {}

        def do() -> None:
            result["score"] = evaluate(learner, config, family, "test", episodes=tasks, frozen=frozen).mean

        return Work(do, lambda: {"score": np.array(result["score"])})
    return scoring_loop(opened, list(frozen.chunks()))


def scoring_loop(opened: Opened, chunks: list[Episodes]) -> Work:
    """One task after the other by textbook steps, scored once after the last."""
    config, family, loss = opened.config, opened.family, loss_of(opened)
    steps, lr, result = config.evaluation.inner_steps, config.algorithm.inner_lr, {}
    network = network_of(opened)

    def score(task: Task) -> float:
        weights = {name: p.clone() for name, p in network.named_parameters()}
        for _ in range(steps):
            inner = loss(functional_call(network, weights, (task.support_x,)), task.support_y)
            gradients = torch.autograd.grad(inner, list(weights.values()))
            weights = {
                n: (w - lr * g).detach().requires_grad_() for (n, w), g in zip(weights.items(), gradients, strict=True)
            }
        with torch.no_grad():
            answer = functional_call(network, weights, (task.query_x,))
            if family.kind == "regression":
                return F.mse_loss(answer, task.query_y).item()
            return (answer.argmax(1) == task.query_y).float().mean().item()

    def do() -> None:
        result["score"] = np.mean([score(task) for chunk in chunks for task in each(chunk)])

    return Work(do, lambda: {"score": np.array(result["score"])})


def sampling(contender: str, opened: Opened) -> Work:
    """Training tasks of the family's own shape; a peer's come from a Python loop over tasks, classes and pictures."""
    family, shape, tasks = opened.family, opened.config.family.shape, opened.workload.tasks
    drawn: dict[str, tuple[Tensor, ...]] = {}
    if contender == OURS:

        def draw() -> tuple[Tensor, ...]:
            return family.sample("train", shape, tasks, opened.generator).tensors

    elif isinstance(family, Pictures):
        draw = picture_loop(opened)
    elif opened.config.family.name == "sinusoid":
        draw = sinusoid_loop(opened)
    else:
        raise NotHere("there is no sampler to compare with")

    def do() -> None:
        drawn["last"] = draw()

    def answer() -> dict[str, np.ndarray]:
        return {str(i): np.array(part.shape) for i, part in enumerate(drawn["last"])}

    return Work(do, answer)


def picture_loop(opened: Opened) -> Callable[[], tuple[Tensor, ...]]:
    """As torchmeta's and learn2learn's data sets do: pictures by class, each transformed as it is taken."""
    pool, (n_way, k_shot, n_query) = opened.family.pool("train"), opened.config.family.shape
    by_class, device, generator = pool.images.split(pool.counts.tolist()), opened.family.device, random.Random(0)

    def one() -> tuple[Tensor, ...]:
        parts = [[], [], [], []]
        for label, number in enumerate(generator.sample(range(len(by_class)), n_way)):
            chosen = generator.sample(range(len(by_class[number])), k_shot + n_query)
            for i, picture in enumerate(chosen):
                part = 0 if i < k_shot else 2
                parts[part].append(as_input(by_class[number][picture]))
                parts[part + 1].append(torch.tensor(label, device=device))
        return tuple(torch.stack(part) for part in parts)

    return lambda: tuple(map(torch.stack, zip(*(one() for _ in range(opened.workload.tasks)), strict=True)))


def sinusoid_loop(opened: Opened) -> Callable[[], tuple[Tensor, ...]]:
    """As Finn et al.'s code does: one curve after the other with numpy."""
    shape, device, generator = opened.config.family.shape, opened.family.device, np.random.default_rng(0)

    def one() -> tuple[Tensor, ...]:
        amplitude, phase = generator.uniform(*AMPLITUDE), generator.uniform(*PHASE)
        x = generator.uniform(*X_RANGE, (shape.k_shot + shape.n_query, 1)).astype(np.float32)
        y = (amplitude * np.sin(x - phase)).astype(np.float32)
        x, y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        return x[: shape.k_shot], y[: shape.k_shot], x[shape.k_shot :], y[shape.k_shot :]

    return lambda: tuple(map(torch.stack, zip(*(one() for _ in range(opened.workload.tasks)), strict=True)))
