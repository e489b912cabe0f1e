"""Your own network: any ``nn.Module`` class, named by its import path."""

import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any, Literal

from torch import nn

from core.models.base import ModelBuilder, ModelConfig, ModelError
from data.config import setting
from data.spec import InputSpec

PROJECT = Path(__file__).resolve().parents[2]


class ModuleConfig(ModelConfig):
    name: Literal["module"] = "module"
    path: str = setting("", "Import path")
    """package.module:Class, looked up from the project root and the folders in INNERLOOP_PATH."""
    arguments: dict[str, Any] = setting({}, "Arguments")
    """Keyword arguments of the class, as JSON."""


def names(path: str) -> tuple[str, str]:
    """Module and class of ``package.module:Class``. Raises ModelError for what is no such path."""
    module, _, name = path.partition(":")
    if not module or not name:
        text = f"'{path}' is not an import path."
        raise ModelError(text, "Write package.module:Class, such as my_nets:Tiny.", "model.path")
    return module, name


def import_class(path: str) -> type[nn.Module]:
    """The class at ``package.module:Class``. Raises ModelError with the reason."""
    at = "model.path"
    module_name, class_name = names(path)
    for folder in [str(PROJECT), *filter(None, os.environ.get("INNERLOOP_PATH", "").split(os.pathsep))]:
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"No module '{error.name}' was found.", "Put its folder into the environment variable INNERLOOP_PATH.", at
        ) from error
    except Exception as error:  # whatever the user's own module raises while it is imported
        raise ModelError(
            f"Importing {module_name} failed: {error!r}", "Import it in Python to see the traceback.", at
        ) from error
    found = getattr(module, class_name, None)
    if found is None:
        raise ModelError(f"The module {module_name} has no '{class_name}'.", "Check the name after the colon.", at)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModelError(
            f"{path} is not a torch.nn.Module class.", "Name a class that derives from torch.nn.Module.", at
        )
    return found


class Module(ModelBuilder):
    Config = ModuleConfig
    title = "Your own module"
    summary = "Any torch.nn.Module, built as Class(input_shape, outputs, **arguments)."
    group = "your own"

    @staticmethod
    def build(config: ModuleConfig, spec: InputSpec, outputs: int | None) -> nn.Module:
        """An instance of the person's class; one whose first parameter is called input_spec gets the whole InputSpec."""
        found = import_class(config.path)
        first = next(iter(inspect.signature(found).parameters), "input_shape")
        inputs = spec if first == "input_spec" else spec.shape
        try:
            model = found(inputs, outputs, **config.arguments)
        except Exception as error:  # whatever the user's own constructor raises
            raise ModelError(
                f"{config.path}({inputs}, {outputs}, …) failed: {error!r}",
                "Its constructor takes (input_shape, outputs, **arguments), or (input_spec, outputs, **arguments)"
                + (", and outputs is None where a learner wants embeddings." if outputs is None else "."),
                "model.arguments",
            ) from error
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise ModelError(
                f"{config.path} has no parameters to learn.", "Register them as nn.Parameter.", "model.path"
            )
        return model
