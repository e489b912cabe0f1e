"""What a device is set up with. Without a GPU: what PyTorch would be told, not what it makes of it."""

from collections.abc import Iterator

import pytest
import torch

from core.training.device import open_device, release
from data.errors import InnerloopError


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """As if there were one; the devices that were chosen."""
    chosen: list[str] = []
    matmul, cudnn = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    deterministic, filled = (
        torch.are_deterministic_algorithms_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # put back what is set there
    yield chosen
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, cudnn
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = filled


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True)])
def test_a_gpu_multiplies_in_the_precision_that_the_run_names(gpu: list[str], precision: str, allowed: bool) -> None:
    assert open_device("cuda:1", precision) == torch.device("cuda:1")
    assert gpu == ["cuda:1"]
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed


def test_float32_unless_it_is_asked_otherwise(gpu: list[str]) -> None:
    open_device("cuda:0", "tf32")
    open_device("cuda:0")
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert torch.are_deterministic_algorithms_enabled()
    assert len(gpu) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_no_gpu_is_said() -> None:
    with pytest.raises(InnerloopError, match="no CUDA device"):
        open_device("cuda:0")


@pytest.mark.parametrize("used", [True, False])
def test_memory_is_given_back_only_where_a_gpu_was_used(monkeypatch: pytest.MonkeyPatch, used: bool) -> None:
    given: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: used)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given.append(True))
    release()
    assert given == [True] * used
