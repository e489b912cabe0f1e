"""torch's optimizers without torch's compiler.

torch wraps their methods so that its compiler leaves them alone, and imports it for that: it takes as many seconds as torch
itself, and 80 MB, in each process that trains, before its first step. Nothing is compiled here, so that the methods beneath
those wrappers will do. Should another version of torch have none, these are its own.
"""

import inspect

import torch
from torch.optim import Optimizer


class Uncompiled(Optimizer):
    """Before the optimizer that it is to be, among the bases of a class."""

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)


class Adam(Uncompiled, torch.optim.Adam):
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class SGD(Uncompiled, torch.optim.SGD):
    step = torch.no_grad()(inspect.unwrap(torch.optim.SGD.step))
