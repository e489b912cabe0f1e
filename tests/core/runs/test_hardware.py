"""Finding GPUs without torch: what CUDA_VISIBLE_DEVICES means, which slot fits, and machines without a driver."""

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.runs import hardware

UUIDS = ["GPU-aaaa-1111", "GPU-aabb-2222", "GPU-cccc-3333"]


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of a machine with three GPUs, two of one kind; handles are their numbers."""
    answers = {
        "nvmlDeviceGetCount": lambda: 3,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": UUIDS.__getitem__,
        "nvmlDeviceGetName": ["NVIDIA H100", "NVIDIA H100", "NVIDIA A2"].__getitem__,
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=(handle + 1) * 1000, used=handle * 10),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=handle * 5),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(hardware.pynvml, name, answer)
    monkeypatch.setattr(hardware, "_driver", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, [1000, 2000, 3000]),
        ("", []),
        ("-1", []),
        ("2,0", [3000, 1000]),
        (" 1 , 2", [2000, 3000]),
        ("0,7,1", [1000]),
        ("GPU-cccc-3333,GPU-aaaa", [3000, 1000]),
        ("GPU-aa", []),
        ("NoDevFiles", []),
    ],
)
@pytest.mark.usefixtures("three_gpus")
def test_visible_devices(visible: str | None, expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = hardware.gpus()
    assert [gpu.memory_total for gpu in found] == expected
    assert [gpu.index for gpu in found] == list(range(len(expected))), "numbered as torch numbers them"


@pytest.mark.usefixtures("three_gpus")
def test_slots_and_description(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hardware.slots() == ["cuda:0", "cuda:1", "cuda:2", "cpu"]
    assert hardware.describe() == "2 × NVIDIA H100 + NVIDIA A2"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert hardware.describe() == "NVIDIA A2"


@pytest.mark.usefixtures("three_gpus")
def test_load_of_a_gpu_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    busy = hardware.load("cuda:1", os.getpid())
    assert busy["memory"] > 1e6
    assert (busy["gpu_percent"], busy["gpu_memory"], busy["gpu_memory_total"]) == (5, 10, 2000)
    assert set(hardware.load("cuda:9", os.getpid())) == {"cpu_percent", "memory"}


@pytest.mark.usefixtures("three_gpus")
def test_load_of_all_gpus_and_of_several_processes() -> None:
    busy = hardware.load("cuda:all", os.getpid())
    assert (busy["gpu_percent"], busy["gpu_memory"], busy["gpu_memory_total"]) == (5, 30, 6000)
    alone = hardware.load("cpu", os.getpid())["memory"]
    assert hardware.load("cpu", os.getpid(), os.getpid(), 2**22 + 1)["memory"] > 1.5 * alone, "one of them is gone"


@pytest.mark.usefixtures("three_gpus")
def test_a_gpu_that_does_not_know_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int) -> None:
        raise hardware.pynvml.NVMLError_NotSupported

    monkeypatch.setattr(hardware.pynvml, "nvmlDeviceGetUtilizationRates", refuse)
    assert hardware.load("cuda:0", os.getpid())["gpu_percent"] is None


def test_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise hardware.pynvml.NVMLError_LibraryNotFound

    monkeypatch.setattr(hardware.pynvml, "nvmlInit", refuse)
    monkeypatch.setattr(hardware, "_driver", hardware._driver.__wrapped__)
    monkeypatch.setattr(hardware, "_apple_silicon", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert hardware.gpus() == []
    assert hardware.slots() == ["cpu"]
    assert hardware.describe().startswith("CPU · ")
    assert hardware.load("cuda:0", os.getpid())["memory"] > 1e6


def test_load_of_a_process_that_is_gone() -> None:
    assert hardware.load("cpu", 2**22 + 1) == {}


@pytest.mark.parametrize(
    ("device", "slots", "expected"),
    [
        ("auto", ["cuda:0", "cuda:1", "cpu"], ["cuda:0", "cuda:1"]),
        ("auto", ["mps", "cpu"], ["mps"]),
        ("auto", ["cpu"], ["cpu"]),
        ("cpu", ["cuda:0", "cpu"], ["cpu"]),
        ("cuda", ["cuda:0", "cuda:1", "cpu"], ["cuda:0", "cuda:1"]),
        ("cuda:1", ["cuda:0", "cuda:1", "cpu"], ["cuda:1"]),
        ("cuda:1", ["cuda:0", "cuda:10", "cpu"], []),
        ("cuda", ["cpu"], []),
        ("mps", ["cpu"], []),
        ("cuda:all", ["cuda:0", "cuda:1", "cpu"], ["cuda:all"]),
        ("cuda:all", ["mps", "cpu"], []),
    ],
)
def test_which_slots_fit_a_device(device: str, slots: list[str], expected: list[str]) -> None:
    assert hardware.fitting(device, slots) == expected


def test_a_slots_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu(0, "A", 8 * 2**30), hardware.Gpu(1, "B", 24 * 2**30)])
    assert [hardware.memory_of(slot) for slot in ("cuda:0", "cuda:1")] == [8 * 2**30, 24 * 2**30]
    there = psutil.virtual_memory().total
    for limit, expected in (("max", there), ("1000000", 1_000_000), (str(2 * there), there)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        monkeypatch.setattr(hardware, "CONTAINER", tmp_path / "memory.max")
        assert hardware.memory_of("cpu") == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 8), ("200000 100000", 2), ("20000 100000", 1), ("9900000 100000", 8)]
)
def test_a_containers_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(hardware, "QUOTA", tmp_path / "cpu.max")
    assert hardware.cores() == expected
    monkeypatch.setattr(hardware, "QUOTA", tmp_path / "none")
    assert hardware.cores() == 8
