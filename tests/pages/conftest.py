"""The app under Streamlit's own test runner, with a home of its own and workers that are never started."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import Engine, event
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from core.config.checks import parse
from core.config.facts import facts_of
from core.config.overrides import apply
from core.config.presets import preset
from core.config.run import RunConfig
from core.costs import key_of
from core.forecast_line import ForecastLine
from core.runs.home import Home
from core.runs.launchers import Handle, LocalLauncher
from core.runs.schema import Run
from core.runs.store import RunStore
from pages.parts import say, session

APP = str(Path(__file__).parents[2] / "app.py")
TIMEOUT = 60  # seconds; the first import of torch may be among them


@pytest.fixture
def home(tmp_path: Path, pictures: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home that the app finds, empty but for drawn pictures; what the app keeps for all sessions is forgotten afterwards."""
    monkeypatch.setenv("INNERLOOP_HOME", str(tmp_path / "home"))
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    found = Home.find()
    found.cache.symlink_to(pictures.cache)
    yield found
    st.cache_resource.clear()


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home.database)


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Runs for which a worker would have been started. Each of them counts as alive."""
    runs: list[int] = []

    def start(_: LocalLauncher, run: Run, *__: object) -> Handle:
        runs.append(run.id)
        return {}

    monkeypatch.setattr(LocalLauncher, "start", start)
    monkeypatch.setattr(LocalLauncher, "alive", lambda *_: True)
    monkeypatch.setattr(LocalLauncher, "stop", lambda *_: None)
    return runs


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> dict[str, RunConfig]:
    """What pages are waiting to have measured, by the page. It never is, as if it took for ever."""
    wishes: dict[str, RunConfig] = {}

    def same(_: ForecastLine, owner: str, config: RunConfig, slot: str) -> bool:
        return owner in wishes and key_of(wishes[owner], slot) == key_of(config, slot)

    monkeypatch.setattr(ForecastLine, "want", lambda _, owner, config, __: wishes.__setitem__(owner, config))
    monkeypatch.setattr(ForecastLine, "leave", lambda _, owner: wishes.pop(owner, None))
    monkeypatch.setattr(ForecastLine, "measures", same)
    return wishes


@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first page starts for later would come while another test goes on."""
    monkeypatch.setattr(session, "warm_up", lambda: None)


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Every app looks through all that is installed for components to show, a fifth of a second each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


TYPED = ("text_input", "text_area", "number_input", "slider", "checkbox", "toggle")
CHOSEN = ("selectbox", "multiselect", "select_slider", "button_group", "pills", "segmented_control")


def in_words(option: Any) -> str:
    """A choice as the browser names it; a button's icon is a part of that."""
    return option if isinstance(option, str) else f"{option.content_icon} {option.content}".strip()


def written_alone(field: Any) -> bool:
    """Whether a field that can be changed gets its value from session state and another one, or none, by itself.

    One that follows the address by Streamlit's own means is read from there by the browser too.
    """
    proto = field.proto
    if not proto.set_value or proto.disabled or proto.query_param_key:
        return False
    if field.type in TYPED:
        return proto.value != proto.default
    names = [in_words(option) for option in proto.options]
    if field.type == "selectbox":
        return proto.raw_value != (names[proto.default] if proto.HasField("default") else "")
    written = proto.raw_value if field.type == "select_slider" else proto.raw_values
    return list(written) != [names[int(place)] for place in proto.default]


@pytest.fixture(autouse=True)
def fields_know_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is told once what was written to session state. Where the page is drawn again before the field is there, the
    field shows its default, and sends that: so both are the same on every page that a test draws.
    """
    run = AppTest._run

    def checked(test: AppTest, *arguments: Any, **named: Any) -> AppTest:
        drawn = run(test, *arguments, **named)
        alone = [field.label for kind in TYPED + CHOSEN for field in drawn.get(kind) if written_alone(field)]
        assert not alone, f"{alone} get their values from session state alone; give them these as defaults too"
        return drawn

    monkeypatch.setattr(AppTest, "_run", checked)


@pytest.fixture
def app(home: Home) -> Callable[..., AppTest]:
    """Opens a page: ``app("runs")``, ``app("run", run=3)``."""
    del home  # the app finds it by the environment

    def opened(page: str = "home", **query: Any) -> AppTest:
        test = AppTest.from_file(APP, default_timeout=TIMEOUT)
        for name, value in query.items():
            test.query_params[name] = str(value)
        return test.switch_page(f"pages/{page}.py").run()

    return opened


@pytest.fixture
def make_run(store: RunStore, home: Home) -> Callable[..., Run]:
    """A run in the store: ``make_run("doodles-5w1s", "finished", name="mine")``, with curves once it has started.

    changed: as by ``--set``.
    """

    def make(preset_name: str, status: str = "finished", changed: Sequence[str] = (), **columns: Any) -> Run:
        whole = parse(
            apply(RunConfig.model_validate(preset(preset_name).config).model_dump(mode="json"), list(changed))
        )
        config, facts = whole.model_dump(mode="json"), facts_of(whole).as_json()
        run = store.create(config, preset_name, folder_root=home.runs_folder, datasets=home.datasets, facts=facts)
        if status != "queued":
            store.move(run.id, "starting", {"queued"}, started=run.created, host="elsewhere")
            store.move(run.id, "running", {"starting"})
            measure(store, run)
            if status != "running":
                store.move(run.id, status, {"running"})
        if columns:
            store.update(run.id, **columns)
        return store.get(run.id)

    return make


def measure(store: RunStore, run: Run) -> None:
    """Three points of each loss, two validations, a test, and a line in the log."""
    metric = "accuracy" if "n_way" in run.config["family"] else "mse"
    curve = [{"step": step, "mean": 0.2 + 0.3 * step, "ci95": 0.01} for step in range(3)]
    protocol = {"n_way": 5, "k_shot": 1, "n_query": 15, "inner_steps": 2, "checkpoint": "best@3", "chosen": None}
    result = {"metric": metric, "mean": 0.8, "ci95": 0.01, "curve": curve, "split": "test", "episodes": 600}
    result["protocol"] = protocol
    rows = [(i, i / 10, key, 1 / i) for i in (1, 2, 3) for key in ("train/support_loss", "train/query_loss")]
    store.add_metrics(run.id, rows)
    for iteration in (2, 3):
        scored = {"episodes": 100, "checkpoint": f"best@{iteration}", "result": result | {"split": "val"}}
        store.add_evaluation(run.id, iteration, "val", metric, 0.8, 0.01, **scored)
    best = {"iteration": 3, "metric": metric, "mean": 0.8, "ci95": 0.01}
    test = result | {"run": run.id, "non_finite": 0}
    store.update(run.id, iteration=3, iterations=10, seconds=12.0, rate=30.0, best=best, test=test, device="CPU")
    Path(run.folder, "worker.log").write_text("INFO a line of the log\n")


def as_read(markdown: str) -> str:
    """Markdown without the escapes of ``say``."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown.replace(say.JOINER, "").replace("\u00a0", " "))


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """Every statement that this process sends to its databases."""
    statements: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "after_cursor_execute", executed)
    yield statements
    event.remove(Engine, "after_cursor_execute", executed)


@pytest.fixture
def said() -> Callable[[AppTest], str]:
    """All that a page says as it is read, for a look whether something is among it. Fails if the page raised."""
    kinds = ("title", "markdown", "caption", "error", "info", "warning", "html", "metric", "code")

    def collect(test: AppTest) -> str:
        assert not test.exception, test.exception[0].value
        parts = [part for kind in kinds for part in test.get(kind)]
        texts = [
            str(getattr(part, name)) for part in parts for name in ("label", "value", "body") if hasattr(part, name)
        ]
        return as_read("\n".join(texts))

    return collect
