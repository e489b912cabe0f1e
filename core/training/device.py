"""The one place that knows devices: from a slot's name to a torch device set up for repeatable numbers."""

import gc
import os

import torch

from core.config.run import Precision
from data.errors import InnerloopError
from data.language import tr


def open_device(slot: str, precision: Precision = "float32") -> torch.device:
    """The torch device of a scheduler slot ("cpu", "mps", "cuda:1"). Raises InnerloopError when it is not there.

    Deterministic kernels are asked for. precision: of matrix products and convolutions on NVIDIA's GPUs; PyTorch's own default
    is TF32 for the latter, which in an inner loop changes the meta-gradient.
    """
    if slot.startswith("cuda"):
        if not torch.cuda.is_available():
            hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
            why = tr(" CUDA_VISIBLE_DEVICES is '{hidden}'.", hidden=hidden) if hidden is not None else ""
            raise InnerloopError(
                tr("PyTorch finds no CUDA device.{why}", why=why),
                tr("Set device to cpu, or install a PyTorch with CUDA that fits the driver."),
                "device",
            )
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is only repeatable with a fixed workspace
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = False
        torch.cuda.set_device(slot)
        # Some double backwards have no deterministic kernel: those warn into the log rather than end the run.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # a kernel for every empty tensor, for nothing
    if slot == "mps" and not torch.backends.mps.is_available():
        raise InnerloopError(tr("PyTorch finds no Apple GPU."), tr("Use device auto or cpu."), "device")
    return torch.device(slot)


def release() -> None:
    """Give back what this process keeps of a GPU for later, once there is no later."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
