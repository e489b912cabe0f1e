"""A learner that has adapted to one task, to use elsewhere: as a zip that answers with torch alone, or as an ONNX file."""

import inspect
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from core.handover import again, versions
from core.models.base import ModelError
from core.runs.schema import Run
from data import letters
from data.extras import check
from data.language import mark, tr
from data.names import Names
from data.spec import InputSpec

if TYPE_CHECKING:
    from core.library import OwnTask

QUERIES = ({0: Dim("queries")},)  # whose number is left open
OTHERWISE = mark("Take the run's checkpoint: `python -m core export RUN --what checkpoint`.")
LOGS = ("torch.onnx", "onnxscript", "onnx_ir")
NEAR = 1e-3  # between the learner's answers and the file's, relative or absolute
SCRIPT = '''"""Answers for the inputs (n, *shape) of a .npy file, with torch and NumPy alone: python answer.py INPUTS.npy"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

folder = Path(__file__).parent
task = json.loads((folder / "task.json").read_text())
network = torch.export.load(folder / "network.pt2").module()
inputs = torch.from_numpy(np.load(sys.argv[1])).to(getattr(torch, task["dtype"]))
print(json.dumps({"classes": task["classes"], "answers": network(inputs).tolist()}))
'''
TRANSLATING = '''"""Translates names, with torch and NumPy alone: python answer.py NAME …"""

import json
import sys
import unicodedata
from pathlib import Path

import torch

import letters

folder = Path(__file__).parent
longest = json.loads((folder / "task.json").read_text())["shape"][0]
network = torch.export.load(folder / "network.pt2").module()
names = [" ".join(unicodedata.normalize("NFC", name).split()) for name in sys.argv[1:]]
if not names or any(ord(sign) >= 2**16 for name in names for sign in name):
    sys.exit("Give names in signs of Unicode's first plane.")
source, signs = letters.written(names, longest)
if max(signs) > longest or min(signs) < 1:
    sys.exit(f"A name has 1 to {longest} signs; each change of script counts as one.")
source = torch.from_numpy(source)
said = torch.full((len(source), longest + 1), letters.PADDING)
said[:, 0] = letters.BEGINNING
for place in range(longest):
    said[:, place + 1] = network(torch.stack([source, said[:, :-1]], -1))[:, place].argmax(-1)
print(json.dumps([letters.read(one) for one in said[:, 1:].tolist()]))
'''


def zipped(run: Run, task: "OwnTask", target: BinaryIO) -> None:
    """Into an open file: the adapted weights by name, the network as torch exports it, the run's config, what the task is, and a
    script that answers. Raises as ``exported`` does.
    """
    program, content = exported(task), io.BytesIO()
    with quiet():
        torch.export.save(program, content)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        if isinstance(task.learner.family, Names):
            archive.writestr("answer.py", TRANSLATING)
            archive.writestr("letters.py", inspect.getsource(letters))  # names as integers
        else:
            archive.writestr("answer.py", SCRIPT)
        archive.writestr("task.json", json.dumps(described(run, task), indent=2))
        archive.writestr("config.json", again.config_text(run))
        archive.writestr(
            "weights.safetensors", safetensors.torch.save(weights(task.learner.algorithm.plain(task.state)))
        )
        archive.writestr("network.pt2", content.getvalue())


def onnx(run: Run, task: "OwnTask", target: BinaryIO) -> None:
    """Into an open file, from ``inputs`` (queries, *shape) to ``answers`` as ``Learner.network`` gives them, for any number.

    Raises MissingExtra, and as ``exported`` does.
    """
    check("onnxscript", tr("ONNX files"))
    made = in_onnx(exported(task), task.learner.family.input_spec)
    made.model.metadata_props.update({name: json.dumps(value) for name, value in described(run, task).items()})
    target.write(made.model_proto.SerializeToString())


def described(run: Run, task: "OwnTask") -> dict[str, Any]:
    """What the task is, and what adapted to it."""
    spec, trained = task.learner.family.input_spec, task.learner.trained
    return {
        "run": run.id,
        "name": run.name,
        "checkpoint": trained.checkpoint,
        "steps": task.steps,
        "examples": len(task.given.targets),
        "classes": list(task.given.classes),
        "shape": list(spec.shape),
        "dtype": str(spec.torch_dtype).removeprefix("torch."),
        "normalised_by": trained.algorithm.normalises_by,
        "written_with": versions.installed(),
    }


def weights(network: nn.Module) -> dict[str, Tensor]:
    """All that a network computes with, by name, each tensor once."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: value.detach().cpu().contiguous() for name, value in named}


def exported(task: "OwnTask") -> ExportedProgram:
    """The adapted network as a graph on the processor.

    Raises InputError, RunError where adapting diverged, and ModelError where torch makes no graph that answers alike.
    """
    learner, support = task.learner, task.given.inputs
    network, wanted = task.network(), task.predict(support)
    program = graph(network.cpu(), learner.family.input_spec)
    network.to(support.device)  # of some learners it shares layers
    if not torch.allclose(program.module()(support.cpu()), wanted, rtol=NEAR, atol=NEAR):
        raise ModelError(tr("The exported network answers otherwise than the learner."), tr(OTHERWISE), "model")
    return program


def graph(network: nn.Module, spec: InputSpec) -> ExportedProgram:
    """Of any number of queries. Raises ModelError."""
    with quiet(), refused(tr("a graph")), torch.no_grad():
        # Shown one query, torch would take one for the only number there is.
        program = torch.export.export(network, (spec.zeros(2),), dynamic_shapes=QUERIES)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names folders of this machine
    return program


def in_onnx(program: ExportedProgram, spec: InputSpec) -> torch.onnx.ONNXProgram:
    """From ``inputs`` to ``answers``. Raises ModelError."""
    names = {"input_names": ["inputs"], "output_names": ["answers"], "dynamic_shapes": QUERIES}
    with quiet(), refused("ONNX"):
        return torch.onnx.export(program, (spec.zeros(2),), **names, verbose=False)


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turns whatever torch raises over a network that it cannot export into a ModelError."""
    try:
        yield
    except Exception as error:  # of a person's own network too
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        text = tr("torch cannot make {what} of this network: {why}.", what=what, why=reason.rstrip(".")[:300])
        raise ModelError(text, tr(OTHERWISE), "model") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without what torch says to people who write exporters."""
    levels = {log: log.level for log in map(logging.getLogger, LOGS)}
    for log in levels:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)
