"""A meta-step by each side: Innerloop's, and how others compute the same meta-gradient.

The peers' sides follow their own examples: one task after the other, each task's share of the meta-loss backwards as soon as
it is known, which holds one task's graph at a time. All draw their meta-batch as Innerloop does, with the same generator.
"""

from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.work import (
    HIGHER,
    LEAN,
    OURS,
    PAPER,
    TEXTBOOK,
    TORCHOPT,
    NotHere,
    Task,
    Work,
    each,
    loss_of,
    network_of,
)
from benchmarks.workloads import Opened
from core.algorithms.portion import WHOLE, Portion
from core.training.recorded import Repeated
from core.training.step import hasten


def meta_gradient(contender: str, opened: Opened) -> Work:
    """A side's meta-step. Raises NotHere where it has none."""
    if contender in (OURS, LEAN):
        return ours(opened, Portion(at_once=1) if contender == LEAN else WHOLE)
    return peer(contender, opened)


def installed(package: str) -> str:
    """Its version. Raises NotHere where it cannot be imported, also where its build does not fit this torch."""
    try:
        __import__(package)
        return version(package)
    except (ImportError, OSError) as error:
        raise NotHere(f"not installed ({type(error).__name__}: {str(error).splitlines()[0]})") from error


def gradients(named: dict[str, nn.Parameter]) -> dict[str, np.ndarray]:
    return {name: p.grad.cpu().numpy() for name, p in named.items() if p.grad is not None}


def ours(opened: Opened, portion: Portion) -> Work:
    """As the trainer calls it, from a recording if a run's would be: the meta-gradient in the parameters' ``grad``."""
    learner, shape, tasks = opened.learner, opened.config.family.shape, opened.workload.tasks

    def do() -> None:
        learner.zero_grad(set_to_none=True)
        learner.meta_step(shape, tasks, opened.generator, portion)

    hasten(learner, 1)
    if isinstance(learner.learn, Repeated):
        with redirect_stdout(StringIO()):  # which says so
            do()
        opened.generator.manual_seed(0)  # the first tasks again, for the others have not drawn any
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
