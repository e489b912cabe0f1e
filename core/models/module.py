"""Your own network: any ``nn.Module`` class, named by its import path."""

import inspect
from typing import Any, Literal

from torch import nn

from core.models.base import ModelBuilder, ModelConfig, ModelError
from data.config import setting
from data.language import mark, tr
from data.own_code import Named
from data.spec import InputSpec


class ModuleConfig(ModelConfig):
    name: Literal["module"] = "module"
    path: str = setting("", "Import path")
    """package.module:Class, looked up from the project root and the folders in INNERLOOP_PATH."""
    arguments: dict[str, Any] = setting({}, "Arguments")
    """Keyword arguments of the class, as JSON."""


def named(path: str) -> Named:
    return Named("model.path", path, tr("package.module:Class, such as my_nets:Tiny"), ModelError)


def import_class(path: str) -> type[nn.Module]:
    """The class at ``package.module:Class``. Raises ModelError with the reason."""
    found = named(path).found()
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        text = tr("{path} is not a torch.nn.Module class.", path=path)
        raise ModelError(text, tr("Name a class that derives from torch.nn.Module."), "model.path")
    return found


class Module(ModelBuilder):
    Config = ModuleConfig
    title = mark("Your own module")
    summary = mark("Any torch.nn.Module, built as Class(input_shape, outputs, **arguments).")
    group = mark("your own")

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
                tr(
                    "{path}({inputs}, {outputs}, …) failed: {error!r}",
                    path=config.path,
                    inputs=inputs,
                    outputs=outputs,
                    error=error,
                ),
                tr("Its constructor takes (input_shape, outputs, **arguments), or (input_spec, outputs, **arguments)")
                + (tr(", and outputs is None where a learner wants embeddings.") if outputs is None else "."),
                "model.arguments",
            ) from error
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise ModelError(
                tr("{path} has no parameters to learn.", path=config.path),
                tr("Register them as nn.Parameter."),
                "model.path",
            )
        return model
