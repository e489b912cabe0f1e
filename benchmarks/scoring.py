"""Scoring frozen test tasks: Innerloop's evaluation, and a loop over tasks."""

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call

from benchmarks.work import OURS, Task, Work, each, loss_of, network_of
from benchmarks.workloads import Opened
from core.training.evaluation import evaluate
from core.training.frozen import frozen_episodes
from data.batch import Episodes


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
