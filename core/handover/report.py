"""A run or several in one HTML file that needs nothing else: for readers who never saw the app, and who may be offline.

Free of torch. Charts are drawn by the same script as on the pages, with the plotly.js of the installed plotly package.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core import about, adaptation, charts, diverged, spoken
from core.charts import Chart
from core.comparing import curves, overlay
from core.comparing.again import with_newest_tests
from core.comparing.alike import tested
from core.comparing.groups import MOST, MOST_RUNS, Group, grouped, shown
from core.comparing.verdict import verdicts
from core.handover import again, card, versions
from core.handover.sources import source
from core.imported import Imported
from core.plotted import CSS, SCRIPT, encode
from core.runs import lineage, protocols
from core.runs.facts import Facts
from core.runs.schema import Run
from core.runs.series import SeriesReader
from core.runs.store import RunStore
from data import language
from data.errors import InputError
from data.language import joined, mark, tr

HEIGHT = 320  # pixels of a chart
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.globals["tr"] = tr


@dataclass(frozen=True)
class Told:
    """What the report says of one run. interval: what the ± of its score is. settings: by section. begun: see
    ``again.begun``. config: as JSON.
    """

    run: Run
    title: str
    facts: Facts
    score: str
    remark: str
    rows: list[tuple[str, str]]
    protocol: list[tuple[str, str]]
    settings: dict[str, list[tuple[str, str]]]
    command: str
    begun: str
    file: str
    config: str


def report(
    runs: Sequence[Run], store: RunStore, *, title: str = "", notes: str = "", others: Sequence[Imported] = ()
) -> str:
    """The file's text. title: by default the run's name, or how many runs there are. notes: the author's, as plain text.
    others: curves of other tools, over those of the runs. Raises InputError for no run, or too many.
    """
    found = [tested(group, store) for group in _checked(grouped(runs))]
    groups = [with_newest_tests(one) for one in found]
    newest = {run.id: run for group in groups for run in group.runs}
    runs = [newest[run.id] for run in runs]  # with the tests that the verdicts are on
    drawn = drawings(groups, store, others)
    told = [tell(run) for run in runs]
    return _pages.get_template("report.html").render(
        title=title.strip() or _title(runs),
        notes=notes.strip(),
        verdicts=[one.sentence for one in verdicts(found, store)],
        told=told,
        others=[overlay.told(one) for one in others],
        charts=[(heading, chart.label) for heading, chart in drawn],
        differing=_differing(runs),
        unequal=_unequal(runs),
        classes=any(run.config.get("family", {}).get("n_way") for run in runs),
        made=time.strftime(tr("%d %B %Y")),
        installed=versions.installed(),
        page=True,
        language=language.current(),
        **_scripts([chart for _, chart in drawn]),
    )


def charts_page(run: Run, store: RunStore) -> str:
    """The run's charts alone, interactive, as one HTML file."""
    drawn = drawings(grouped([run]), store)
    return _pages.get_template("report.html").render(
        title=charts.title(run),
        charts=[(heading, chart.label) for heading, chart in drawn],
        page=False,
        language=language.current(),
        **_scripts([chart for _, chart in drawn]),
    )


def _checked(groups: Sequence[Group]) -> Sequence[Group]:
    if not groups:
        raise InputError(tr("A report needs a run."), tr("Name one or more; `python -m core runs` lists them."), "runs")
    if list(groups) != shown(groups):
        many = {"runs": sum(len(group.runs) for group in groups), "recipes": len(groups)}
        wrong = tr("{runs} runs of {recipes} recipes are too many for a report.", **many)
        most = {"runs": MOST_RUNS, "recipes": MOST}
        remedy = tr("Choose {runs} of {recipes} recipes at most; seeds of one count as one recipe.", **most)
        raise InputError(wrong, remedy, "runs")
    return groups


def _title(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return charts.title(runs[0])
    groups = {run.group for run in runs}
    return groups.pop() if len(groups) == 1 and None not in groups else tr("{n} runs compared", n=len(runs))


def drawings(groups: Sequence[Group], store: RunStore, others: Sequence[Imported] = ()) -> list[tuple[str, Chart]]:
    """What there is to draw of these groups, each chart under its heading. Runs share axes, seeds of one recipe a colour."""
    reader, runs = SeriesReader(store), [run for group in groups for run in group.runs]
    reader.poll([run.id for run in runs])
    alone = len(runs) == 1 and not others
    found = _drawn_alone(runs[0], reader) if alone else _drawn_together(groups, reader, others)
    return [(heading, chart) for heading, chart in found if chart.traces and any(len(one.x) for one in chart.traces)]


def _drawn_alone(run: Run, reader: SeriesReader) -> list[tuple[str, Chart]]:
    found = [(tr("Training loss"), charts.loss_chart(run, reader))]
    scores = charts.validation_chart(run, reader.validations(run.id))
    found.append((tr("Validation score while training, with 95 % intervals"), scores))
    chart = adaptation.chart(run, reader)
    if chart and any(len(trace.x) > 1 for trace in chart.traces):  # of learners that take no steps it is one point
        title = tr("Score after each step of adapting to a task, with 95 % intervals")
        if chart.label == tr(charts.MEDIANS[1]):
            title = tr("Score after each step of adapting to a task, median and quartiles over tasks")
        found.append(
            (tr("{title}; the slider shows it at each validation", title=title) if chart.moments else title, chart)
        )
    return found


def _drawn_together(
    groups: Sequence[Group], reader: SeriesReader, others: Sequence[Imported]
) -> list[tuple[str, Chart]]:
    view = curves.View(seeds=True)
    validation = tr("Validation score while training, with 95 % intervals")
    adapting = tr("Score after each step of adapting to a task, with 95 % intervals")
    if any(len(group.runs) > 1 for group in groups):
        bands = mark("{title} (several seeds as their mean ± one {band}, single runs with 95 % intervals)")
        validation = tr(bands, title=tr("Validation score while training"), band=tr(view.band))
        adapting = tr(bands, title=tr("Score after each step of adapting to a task"), band=tr(view.band))
    losses = overlay.laid_over(curves.loss_charts(groups, reader, view), others, overlay.LOSS, groups)
    scores = overlay.laid_over(curves.validation_charts(groups, reader, view), others, overlay.SCORES, groups)
    found = [(tr("Training loss"), chart) for chart in losses]
    found += [(validation, chart) for chart in scores]
    return found + [(adapting, chart) for chart in curves.adaptation_charts(groups, reader, view)]


def tell(run: Run) -> Told:
    facts = Facts.of(run)
    scored = run.test or run.best
    score = facts.metric.text(scored["mean"], scored["ci95"]) if scored else ""
    what = tr("test") if run.test else tr("best validation")
    remark = tr("{what} {metric}", what=what, metric=tr(facts.metric.title)) + diverged.remark(facts.metric, scored)
    return Told(
        run=run,
        title=charts.title(run),
        facts=facts,
        score=score,
        remark=remark if scored else tr("not scored"),
        rows=_rows(run, facts),
        protocol=_protocol(run, facts),
        settings=_settings(run),
        command=again.command(run),
        begun=again.begun(run),
        file=again.config_file(run),
        config=again.config_text(run),
    )


def _rows(run: Run, facts: Facts) -> list[tuple[str, str]]:
    learner, group = tr(facts.learner_title), tr(facts.group)
    rows = [
        (tr("Status"), tr(run.status)),
        (tr("Learner"), tr("{learner} ({group})", learner=learner, group=group) if group else learner),
        (tr("Tasks"), f"{tr(facts.family_title)} {facts.task}".strip()),
        (tr("Data"), tr(source(run.family))),
        (tr("Training"), _training(run, facts)),
        (tr("Device"), run.device or tr("not known")),
        (tr("Note"), run.note),
        (tr("Error"), _placeless(joined([tr(run.error or ""), tr(run.remedy or "")]), run)),
    ]
    return [(name, text) for name, text in rows if text]


def _placeless(text: str, run: Run) -> str:
    """A report goes to other people, whom it does not concern where a run's files lie."""
    folder = Path(run.folder)
    places = {str(folder): tr("the run's folder"), str(folder.parent.parent): tr("the home")}
    places |= {run.datasets: tr("the data sets")}
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place]) if len(Path(place).parts) > 1 else text
    return text


def _training(run: Run, facts: Facts) -> str:
    if not facts.trains:
        return tr("none: it meets every task untrained")
    planned = run.config.get("training", {}).get("iterations")
    done = tr("{n} iterations", n=run.iteration)
    if planned and planned != run.iteration:
        done = tr("{n} of {total} iterations", n=run.iteration, total=planned)
    seed = run.config.get("seed", tr("not known"))
    return tr("{iterations} in {time}, seed {seed}", iterations=done, time=about.duration(run.seconds), seed=seed)


def _protocol(run: Run, facts: Facts) -> list[tuple[str, str]]:
    """How the test was taken; nothing without one."""
    if not run.test:
        return []
    of = run.test.get("protocol", {})
    rows = {
        tr("In short"): card.tested(run.test),
        tr("Left out"): tr("{n} tasks without a finite score", n=lost) if (lost := run.test.get("non_finite")) else "",
        tr("Diverged"): diverged.sentence(run.test),
        tr("Weights"): of.get("checkpoint") or "",
        tr("Chosen on validation tasks"): tr(", ").join(
            f"{key} {value}" for key, value in (of.get("chosen") or {}).items()
        ),
    }
    rows |= {
        _named(name): tr(lineage.worded(value)) for name, value in protocols.comparable(of, facts).items() if value
    }
    return [(name, text) for name, text in rows.items() if text]


def _named(part: str) -> str:
    """A part of a protocol at the beginning of a row."""
    said = tr(part)
    return said.capitalize() if said == part else said


def _settings(run: Run) -> dict[str, list[tuple[str, str]]]:
    """The config, by section; what belongs to none under ``run``."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path, value in lineage.flat(run.config).items():
        section, dot, name = path.partition(".")
        found.setdefault(section if dot else "run", []).append((name if dot else section, lineage.worded(value)))
    return found


def _differing(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """The settings that are not the same in all runs, with each one's value."""
    rows = lineage.differences([again.config(run) for run in runs], [Facts.of(run).idle for run in runs])
    return [(path, [lineage.worded(value) for value in row]) for path, row in rows.items()]


def _unequal(runs: Sequence[Run]) -> list[str]:
    """What decides a test score beside the learner, and is not the same for all runs that were tested."""
    said = [protocols.comparable(run.test.get("protocol", {}), Facts.of(run)) for run in runs if run.test]
    names = dict.fromkeys(name for one in said for name in one)
    values = {name: [one[name] for one in said if name in one] for name in names}
    return [tr(name) for name, found in values.items() if any(value != found[0] for value in found)]


def _scripts(drawn: Sequence[Chart]) -> dict[str, Any]:
    """What the charts need, safe inside of a script element."""
    plotly = Path(find_spec("plotly").submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    data = json.dumps([encode(chart, HEIGHT) for chart in drawn]).replace("<", "\\u003c")
    return {
        "plotly": Markup(plotly.read_text(encoding="utf-8")) if drawn else "",
        "script": Markup(spoken.script(SCRIPT).replace("export default function", "const draw = function")),
        "data": Markup(data),
        "chart_style": Markup(CSS),
    }
