"""Finding what there is: every module of a package is imported, every concrete subclass of a base is registered."""

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType

from data.family import TaskFamily


def discover(package: ModuleType, base: type) -> dict[str, type]:
    """Subclasses of ``base`` defined in the modules of ``package`` that have a Config, by the Config's ``name``."""
    found = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for item in vars(module).values():
            own = inspect.isclass(item) and issubclass(item, base) and item.__module__ == module.__name__
            if own and "Config" in vars(item):
                found[item.Config.model_fields["name"].default] = item
    return found


@cache
def families() -> dict[str, type[TaskFamily]]:
    """Every task family by name."""
    import data

    return discover(data, TaskFamily)
