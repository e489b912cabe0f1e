"""Imports point one way: app → pages → core → data. Read from the source, so that an import inside a function counts."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "data": {"core", "pages", "app", "tests", "benchmarks", "streamlit"},
    "core": {"pages", "app", "tests", "benchmarks", "streamlit"},
    "pages": {"app", "tests", "benchmarks"},
}
# What a page that has to be there in a moment may import of the engine; torch takes seconds.
TORCH_FREE = sorted(
    [f"core.runs.{file.stem}" for file in (PROJECT / "core" / "runs").glob("*.py") if file.stem != "__init__"]
    + [
        f"core.comparing.{file.stem}"
        for file in (PROJECT / "core" / "comparing").glob("*.py")
        if file.stem != "__init__"
    ]
    + [
        "core.charts",
        "core.diagnosis",
        "core.foreign",
        "core.imported",
        "core.mirror",
        "core.diverged",
        "core.errors",
        "core.plotted",
        "core.published",
        "core.results",
        "core.task_scores",
        "core.view_charts",
        "core.retest",
        "core.config.presets",
    ]
    + ["core.config.references"]
    + [f"core.handover.{name}" for name in ("tables", "again", "card", "event_file", "sources", "versions", "report")]
)
# Rooms of the engine, and what each may not look into. core/worker.py and core/library.py join runs to training.
ROOMS = {
    "runs": {"core.config", "core.training", "core.algorithms", "core.models", "torch"},
    "training": {"core.runs"},
    "algorithms": {"core.runs", "core.training", "core.config"},
    "models": {"core.runs", "core.training", "core.config", "core.algorithms"},
}


def imported(source: str) -> set[str]:
    """The packages that a module's source names in its imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_above_it(package: str) -> None:
    files = sorted((PROJECT / package).rglob("*.py"))
    assert files
    for file in files:
        above = imported(file.read_text()) & FORBIDDEN[package]
        assert not above, f"{file.relative_to(PROJECT)} imports {', '.join(sorted(above))}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_engine_keeps_to_itself(room: str) -> None:
    for file in sorted((PROJECT / "core" / room).glob("*.py")):
        named = modules_named(file.read_text())
        seen = {name for name in named for other in ROOMS[room] if f"{name}.".startswith(f"{other}.")}
        assert not seen, f"{file.relative_to(PROJECT)} imports {', '.join(sorted(seen))}"


def modules_named(source: str) -> set[str]:
    """Every module that a source names in its imports, at any depth: ``from core import charts`` as core.charts."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_an_import_inside_a_function_is_seen() -> None:
    assert imported("def f():\n    from core.runs.store import x\n    import streamlit.web") == {"core", "streamlit"}


@pytest.mark.parametrize("package", ["data", "core"])
def test_the_engine_runs_without_streamlit(package: str) -> None:
    """Everything of it, imported in a fresh process."""
    modules = [
        ".".join(file.relative_to(PROJECT).with_suffix("").parts)
        for file in sorted((PROJECT / package).rglob("*.py"))
        if file.name not in ("__main__.py", "__init__.py", "env.py")  # env.py runs inside of alembic only
    ]
    unwanted = FORBIDDEN[package]
    code = (
        f"import sys, {', '.join(modules)}\nprint(sorted({{n.partition('.')[0] for n in sys.modules}} & {unwanted!r}))"
    )
    assert fresh(code) == "[]"


def test_a_worker_does_not_wait_for_what_reads_tables() -> None:
    assert fresh("import sys, core.config.run\nprint('pandas' in sys.modules)") == "False"


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_the_first_pages_need_has_no_torch_in_its_imports(module: str) -> None:
    """Followed through the project's own modules, without running them."""
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        source = (PROJECT / f"{name.replace('.', '/')}.py").read_text()
        # Imports inside a function happen only when it is called.
        top = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        for node in top:
            if isinstance(node, ast.ImportFrom):
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert not {n for n in names if n.partition(".")[0] == "torch"}, f"{name} imports torch"
        waiting += [n for n in names - seen if (PROJECT / f"{n.replace('.', '/')}.py").is_file()]


def test_and_none_in_a_fresh_process() -> None:
    modules = ", ".join(TORCH_FREE)
    assert fresh(f"import sys, {modules}\nprint('torch' in sys.modules)") == "False"


def fresh(code: str) -> str:
    found = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()
