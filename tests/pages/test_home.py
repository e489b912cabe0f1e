"""Home, the sidebar, and what every page shares."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import charts
from core.config.presets import PRESETS
from pages.parts import live_chart, session

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["home", "runs", "run", "train"])
def test_every_page_renders_in_an_empty_home(app, said, page):
    assert said(app(page))


def test_home_offers_every_featured_preset_and_names_the_device(app, said):
    page = app()
    text = said(page)
    featured = [preset for preset in PRESETS if preset.featured]
    assert len(featured) == 8
    for preset in featured:
        assert preset.title in text
    assert {f"launch-{preset.name}" for preset in featured} <= {button.key for button in page.button}
    assert "No runs yet" in text


def test_a_preset_launches_in_one_click(app, store, started):
    page = app()
    page.button("launch-doodles-5w1s").click().run()
    (run,) = store.runs()
    assert (run.name, run.config["family"]["name"], started) == ("doodles-5w1s", "doodles", [run.id])
    assert page.title[0].value == "doodles\\-5w1s"


def test_customise_opens_train_with_the_preset(app):
    page = app()
    page.button("customise-sinusoid-pretrain").click().run()
    assert page.title[0].value == "Train"
    assert page.session_state["train-draft"].values["algorithm"]["name"] == "pretrain"


def test_recent_runs_are_linked(app, said, make_run):
    make_run("doodles-5w1s")
    page = app()
    said(page)
    labels = [link.proto.label for link in page.get("page_link")]
    assert any("doodles" in label for label in labels)


def test_the_sidebar_counts_what_runs_and_waits(store, make_run):
    make_run("doodles-5w1s", "running")
    store.update(make_run("doodles-5w1s", "queued").id, host="elsewhere")
    test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    words = " ".join(part.value for part in test.sidebar.markdown)
    assert "1 running" in words
    assert "1 queued" in words


def test_a_database_that_is_none_is_said(home):
    Path(home.root, "innerloop.db").write_text("not a database, but long enough to have a header of its own" * 20)
    test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
    assert not test.exception
    assert "not a database" in test.error[0].value.lower()


@pytest.mark.usefixtures("home")
def test_a_page_opened_before_app_was_run_is_run_by_it(said):
    """The first address a fresh server is asked for may be a page's own; see pages/parts/router.py."""
    test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).switch_page("pages/runs.py").run()
    assert "No runs yet" in said(test)
    assert test.session_state["routed"]


def test_home_runs_and_run_do_not_import_torch(tmp_path):
    """In a fresh process, as after a start of the server; the import in the background is left out."""
    code = """
import sys
from streamlit.testing.v1 import AppTest
from pages.parts import session
session.HEAVY = ()
test = AppTest.from_file(sys.argv[1], default_timeout=60).run()
for page in ("home", "runs", "run"):
    test.switch_page(f"pages/{page}.py").run()
    assert not test.exception, test.exception[0].value
print(sorted(name for name in ("torch", "core.config.run", "data.family") if name in sys.modules))
"""
    environment = os.environ | {"INNERLOOP_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(PROJECT / "app.py")],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout.strip() == "[]", ended.stderr


@pytest.mark.usefixtures("home")
def test_the_queue_is_looked_after_once_a_tick(monkeypatch):
    calls = []
    monkeypatch.setattr(session.scheduler, "reconcile", lambda *_: calls.append(1))
    queue = session.Queue()
    for _ in range(5):
        queue.tick()
    assert len(calls) == 1


def test_plotly_is_copied_once(tmp_path):
    static = tmp_path / "static"
    live_chart.provide_plotly(static)
    (file,) = static.iterdir()
    assert file.stat().st_size > 1_000_000
    before = file.stat().st_mtime_ns
    live_chart.provide_plotly(static)
    assert file.stat().st_mtime_ns == before


def test_what_a_chart_sends_is_plain_json(make_run):
    """The browser gets an object only then; arrays and numpy's own numbers would make it something else."""
    curve = [{"step": step, "mean": 0.5, "ci95": 0.1} for step in range(3)]
    run = make_run("doodles-5w1s")
    (few,) = charts.adaptation_charts([("test", run, {"curve": curve})], [0])
    (many,) = charts.adaptation_charts([("test", run, {"curve": [curve[0] | {"step": 50}]})], [0])
    sent, other = (json.loads(json.dumps(live_chart.encode(chart, 300))) for chart in (few, many))
    assert (sent["few"], other["few"]) == (True, False)
    x = np.frombuffer(base64.b64decode(sent["traces"][0]["x"]), np.float64)
    y = np.frombuffer(base64.b64decode(sent["traces"][0]["y"]), np.float32)
    assert (list(x), list(y)) == ([0, 1, 2], [50, 50, 50])
