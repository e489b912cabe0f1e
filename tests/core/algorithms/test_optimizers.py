"""torch's optimizers without its compiler: the same numbers, and no run imports it."""

import subprocess
import sys

import pytest
import torch

from core.algorithms import optimizers
from core.runs.home import PROJECT, Home


@pytest.mark.parametrize("more", [{"fused": True}, {"betas": (0.0, 0.999)}], ids=repr)
def test_adam_takes_torchs_very_steps_also_after_its_state_was_kept(more: dict) -> None:
    assert _steps(optimizers.Adam, **more) == _steps(torch.optim.Adam, **more)


def test_sgd_takes_torchs_very_steps() -> None:
    assert _steps(optimizers.SGD, momentum=0.9) == _steps(torch.optim.SGD, momentum=0.9)


def _steps(kind: type[torch.optim.Optimizer], **more) -> list[list[float]]:
    """A weight after each of some steps, half of them with an optimizer that got the first one's state."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.nn.Parameter(torch.randn(4, generator=generator))
    optimizer, seen = kind([weight], lr=0.1, **more), []
    for step in range(6):
        if step == 3:
            kept = optimizer.state_dict()
            optimizer = kind([weight], lr=7.0, **more)
            optimizer.load_state_dict(kept)
        optimizer.zero_grad()
        (weight * torch.randn(4, generator=generator)).square().sum().backward()
        optimizer.step()
        seen.append(weight.tolist())
    return seen


@pytest.mark.parametrize("kind", [optimizers.Adam, optimizers.SGD])
def test_a_step_is_not_differentiated(kind: type[torch.optim.Optimizer]) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = kind([weight], lr=0.1)
    weight.square().sum().backward()
    optimizer.step()
    assert weight.grad_fn is None and torch.is_grad_enabled()


@pytest.mark.parametrize("base", ["conv4", "sinusoid"])
def test_a_run_imports_no_compiler(pictures: Home, base: str) -> None:
    """Nor where its steps are recorded. It would take as long as torch."""
    code = (
        "import sys, tempfile; from pathlib import Path\n"
        "from core.runs.home import Home; from core.training.trainer import Trainer\n"
        "from tests.core.tiny import MemoryListener, open_tiny, tiny\n"
        "config, home = tiny(sys.argv[2], 'training.iterations=8'), Home.find(sys.argv[1])\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    trainer = Trainer(config, open_tiny(config, home), Path(folder, 'r'), MemoryListener())\n"
        "    trainer.run()\n"
        "print(trainer.algorithm.learn.recording is not None, 'torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(pictures.root), base]
    assert subprocess.check_output(command, cwd=PROJECT, text=True, timeout=120).split()[-2:] == ["True", "False"]
