"""Policy gradients: advantages of what was done, and losses whose first and second derivatives are those a paper writes.

MAML differentiates a loss on rollouts twice, and what was rolled out depends on the weights too. With J(θ) the expected
return, A_t advantages, π_t the probability of an action taken and s_t = ∇ log π_t, the first derivative of J is E[Σ s_t A_t]
(Williams 1992) whichever of these a loss is made of; the second is not the same. ⊥ means a constant.

plain: Σ log π_t A_t, as in the released code of Finn et al. 2017. Its second derivative Σ ∇s_t A_t lacks the score-function
term, as if the actions did not depend on θ: it is biased (Foerster et al. 2018, section 3).
lvc: Σ (π_t / ⊥π_t) A_t, the low variance curvature of ProMP (Rothfuss et al. 2019, https://arxiv.org/abs/1810.06784, section
5). It has Σ s_t s_tᵀ A_t beside. Left out is how an action changes which actions follow, which of one step is nothing.
dice: Σ (□_t − □_{t−1}) A_t, □_t = exp(c_t − ⊥c_t), c_t = Σ_{i≤t} log π_i: the magic box of DiCE (Foerster et al. 2018,
https://arxiv.org/abs/1802.05098) with advantages, as in Loaded DiCE (Farquhar et al. 2019, https://arxiv.org/abs/1909.10549).
No bias, and a variance that grows with the number of steps.
e-maml: another expectation, of the return after learning from the very data D that exploring gave: ∇ E_D[J(θ'(D))] =
E_D[∇J(θ'(D)) + J(θ'(D)) ∇ log p_θ(D)] (Stadie et al. 2018, https://arxiv.org/abs/1803.01118, section 3; Al-Shedivat et al.
2018). D being given, the first term is ``plain``'s, without bias; ``exploration`` adds the second.
"""

from typing import Literal

import torch
from torch import Tensor

MetaGradient = Literal["plain", "lvc", "dice", "e-maml"]
RIDGE = 1e-5  # of the baseline's regression, on features whose mean square over steps is 1
EPSILON = 1e-8


def surrogate(log_p: Tensor, advantage: Tensor, there: Tensor, meta_gradient: MetaGradient) -> Tensor:
    """A loss with the gradient of minus the return, as a mean over each task's steps → (tasks,). See above.

    log_p: of the actions taken (tasks, trajectories, steps), differentiable. advantage: of the same shape, constant. there: the
    same, 1 for steps that were taken and 0 after a trajectory's end.
    """
    log_p = log_p * there
    if meta_gradient == "dice":
        until = log_p.cumsum(-1)
        weight = box(until) - box(until - log_p)
    else:
        weight = box(log_p) if meta_gradient == "lvc" else log_p
    return -(weight * advantage * there).sum((1, 2)) / steps_taken(there)


def exploration(log_p: Tensor, gain: Tensor) -> Tensor:
    """E-MAML's second term → (tasks,): its value is 0, its gradient minus gain times that of log_p.

    log_p: of all that a task has learned from (tasks,), differentiable. gain: how much better than expected the task was solved
    after that (tasks,), constant; what is expected must not depend on what was learned from.
    """
    return -(log_p - log_p.detach()) * gain


def box(log_p: Tensor) -> Tensor:
    """DiCE's magic box: always 1, with the derivatives of the probability relative to what it is."""
    return (log_p - log_p.detach()).exp()


def worth(surrogate: Tensor, value: Tensor) -> Tensor:
    """The same derivatives, and a value that says something."""
    return surrogate - surrogate.detach() + value


def steps_taken(there: Tensor) -> Tensor:
    """All steps of each task → (tasks,), 1 at least."""
    return there.sum((1, 2)).clamp(min=1)


def discounted(rewards: Tensor, discount: float) -> Tensor:
    """Each step's sum of the rewards from it on, the later ones weighted by powers of ``discount``: (…, steps) → (…, steps)."""
    step = torch.arange(rewards.shape[-1], device=rewards.device)
    ahead = (step.unsqueeze(1) - step).to(rewards.dtype)  # of the row's step before the column's
    return rewards @ torch.where(ahead >= 0, discount**ahead, 0.0)


def advantages(states: Tensor, rewards: Tensor, there: Tensor, discount: float) -> tuple[Tensor, Tensor]:
    """How much better each step went than the task's baseline says, brought to mean 0 and deviation 1 in each task; and the
    deviation (tasks,) that it had.

    states (tasks, trajectories, steps, numbers); rewards, 0 after the end, there and result (tasks, trajectories, steps).
    """
    returns = discounted(rewards, discount)
    better = (returns - linear_baseline(states, returns, there)) * there
    count = steps_taken(there)[:, None, None]
    better = (better - better.sum((1, 2), keepdim=True) / count) * there
    deviation = (better.square().sum((1, 2), keepdim=True) / count).sqrt()
    return better / (deviation + EPSILON), deviation[:, 0, 0]


def linear_baseline(states: Tensor, returns: Tensor, there: Tensor) -> Tensor:
    """What each task's returns are on average in this state and at this time (tasks, trajectories, steps).

    Linear in state, its square, time, its square and cube (Duan et al. 2016, https://arxiv.org/abs/1604.06778), fitted to the
    same trajectories by ridge regression. That it has seen them biases the gradient a little, the less the more they are.
    """
    tasks, trajectories, steps, _ = states.shape
    time = (torch.arange(steps, device=states.device, dtype=states.dtype) / 100).expand(tasks, trajectories, steps)
    powers = torch.stack([torch.ones_like(time), time, time**2, time**3], -1)
    features = torch.cat([states, states.square(), powers], -1).flatten(1, 2)  # (tasks, trajectories * steps, features)
    weight = there.flatten(1).unsqueeze(-1) / steps_taken(there)[:, None, None]
    # Of one size, or float32 would not see the ridge beside the largest: of a policy that always does the same, all are alike.
    features = features / ((features.square() * weight).sum(1, keepdim=True).sqrt() + EPSILON)
    weighted = (features * weight).mT
    ridge = RIDGE * torch.eye(features.shape[-1], device=states.device, dtype=states.dtype)
    # The form that checks nothing: to look at its answer, a GPU would have to be waited for.
    found, _ = torch.linalg.solve_ex(weighted @ features + ridge, weighted @ returns.flatten(1).unsqueeze(-1))
    return (features @ found).view(returns.shape)
