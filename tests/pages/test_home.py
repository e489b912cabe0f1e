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
from core.config.presets import PRESETS, preset
from core.config.run import RunConfig
from core.costs import Costs, key_of
from core.runs import hardware
from core.training.probe import Cost
from data.language import speaking
from pages.parts import launching, live_chart, prospects, session
from tests.pages.conftest import as_read

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["home", "runs", "run", "train"])
def test_every_page_renders_in_an_empty_home(app, said, page):
    assert said(app(page))


def test_home_offers_every_featured_preset_and_names_the_device(app, said, monkeypatch):
    monkeypatch.setattr(launching, "imported", lambda: False)
    page = app()
    text = said(page)
    featured = [one for one in PRESETS if one.featured]
    assert len(featured) == 12
    for one in featured:
        assert one.title in text
    assert {f"launch-{one.name}" for one in featured} <= {button.key for button in page.button}
    assert "No runs yet" in text


def test_a_preset_launches_in_one_click(app, store, started):
    page = app()
    page.button("launch-doodles-5w1s").click().run()
    (run,) = store.runs()
    assert (run.name, run.config["family"]["name"], started) == ("doodles-5w1s", "doodles", [run.id])
    assert page.title[0].value == "doodles\\-5w1s"


def card(page: AppTest, title: str) -> str:
    """What stands on a preset's card below its title, up to the next one's."""
    texts = [as_read(part.value) for part in page.main if part.type in ("markdown", "caption")]
    start = texts.index(f"## {title}")
    after = next((i for i, text in enumerate(texts) if i > start and text.startswith("## ")), len(texts))
    return "\n".join(texts[start + 1 : after])


def test_a_preset_says_what_it_took_and_reached_where_that_was_measured(app, said):
    page = app()
    said(page)
    assert "13 min on two cores of an AMD EPYC, reaches 95.15 ± 0.41 % accuracy" in card(
        page, "MAML on Omniglot, quick"
    )
    assert "Reached 98.22 ± 0.24 % accuracy after 10 min" in card(page, "ProtoNet on Omniglot, 5-way 1-shot")
    assert "0.309 ± 0.02 mean squared error" in card(page, "MAML on sinusoids")
    assert "Reaches 94.34 ± 0.42 % accuracy" in card(page, "Pretraining on Omniglot")
    assert card(page, "MAML on doodles").endswith("Works offline at once."), "nobody measured it"


def test_in_chinese_what_a_preset_took_and_reached_is_one_sentence(monkeypatch):
    monkeypatch.setattr(prospects, "takes", lambda *_: "用时")
    with speaking("zh"):
        text, _ = prospects.prospect(preset("omniglot-5w1s-protonet"), [])
    assert text == "用时，在两个 AMD EPYC 核心上训练 10 分钟后达到 98.22 ± 0.24 % 准确率（600 个任务）。"


def test_an_earlier_run_here_says_what_a_preset_takes_and_reaches(app, store, home, make_run, monkeypatch):
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    for seconds, host, slot in ((75.0, home.host, "cpu"), (9.0, "elsewhere", "cpu"), (8.0, home.host, "cuda:0")):
        store.update(make_run("doodles-5w1s").id, seconds=seconds, host=host, slot=slot)
    other = make_run("doodles-5w1s", changed=["training.iterations=7"])
    store.update(other.id, seconds=3.0, host=home.host, slot="cpu", test=other.test | {"mean": 0.9})
    assert "Took 1 min 15 s here, reached 80.00 ± 1.00 % accuracy here (600 tasks)." in card(app(), "MAML on doodles")


@pytest.mark.parametrize(("busy", "text"), [(False, "About 6 min here."), (True, "")])
def test_an_estimate_that_was_measured_here_says_what_a_preset_takes(app, home, monkeypatch, busy, text):
    monkeypatch.setattr(hardware, "slots", lambda: ["cpu"])
    monkeypatch.setattr(launching, "imported", lambda: True)
    parts = {"score": 1e-4, "tuned": 0.0, "candidates": 0, "tunes": False, "threads": 1, "steps": 9, "tasks": 16}
    cost = Cost(step=0.18, memory=int(4e8), share=0.1 if busy else 1.0, **parts)
    Costs(home.costs).put(key_of(RunConfig.model_validate(preset("doodles-5w1s").config), "cpu"), cost)
    assert card(app(), "MAML on doodles").endswith(text or "Works offline at once.")


def test_once_it_is_known_that_files_are_missing_the_button_says_so(app, monkeypatch):
    monkeypatch.setattr(launching, "imported", lambda: True)
    page = app()
    assert {one.key for one in page.button} >= {"get-omniglot-5w1s-quick", "launch-doodles-5w1s"}
    page.button("get-omniglot-5w1s-quick").click().run()
    assert page.query_params["set"] == "omniglot"


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
