"""In Chinese nothing on a page is left in English but names, code and what people typed."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from core.algorithms.base import algorithms
from core.config.presets import PRESETS
from core.config.run import EvaluationConfig, RunConfig, TrainingConfig
from core.models.base import models
from data.registry import families
from pages.parts.language import CHOSEN
from tests.pages.looks import evaluated, five_classes, validated

# Fields of Streamlit's messages that nobody reads.
UNREAD = re.compile(
    r"(^|_)(id|ids|key|hash|url|href|name|type|kind|icon|format|language|position|theme|data|size|mode|elementid|page|query_string)$|(css|js)_content$"
)
READ_IN_JSON = {"text", "title", "name", "label", "help", "hovertext", "ticktext", "hovertemplate", "words", "caption"}
TAGS = re.compile(
    r"<(style|script|svg)\b.*?</\1>|\$\$.*?\$\$|\[[A-Z][\w, &]+ et al\. \d+|<[^>]*>|:material/\w+:|:[\w-]+\[|\]\([^)]*\)|`[^`]*`"
    r"|\$[^$]*\$|https?://\S+|&#?\w+;|(?<!\w)/\S+|\b[\w-]+\.(?:zip|json|tar\.gz)\b|\b[0-9a-f]{5,}…?|pip install \S+",
    re.DOTALL,
)
WORD, CHINESE = re.compile(r"[A-Za-z]{2,}"), re.compile("[\u4e00-\u9fff]")
# Sayings of several words that are names, and words that are the same in Chinese.
NAMES = set(
    """
    Innerloop English Language PNG SVG learner tag is paper starred score status failed: Transformer Parquet birds CPU GPU
    MAML ANIL Meta-SGD MAML++ Reptile ProtoNet Proto-MAML MatchingNet RelationNet SNAIL CNP Baseline++ way shot it/s s/it
    MiB KiB GiB min max MSE CSV HTML JSON YAML TensorBoard MLflow CLI API CUDA cuda Omniglot CIFAR FS mini ImageNet
    CLINC150 CLDR Conv4 ResNet MLP GRU BatchNorm ReLU Adam SGD TRPO PyTorch torch seed best last run AMD EPYC Ctrl Esc MIT
    CC BY Apache BSD ONNX safetensors px cos chrF -status:failed
    """.split()  # noqa: SIM905 - as a list it would take a page
)


def strings(message: Message) -> Iterator[str]:
    """All that a message of Streamlit's shows."""
    for field, value in message.ListFields():
        many = value if field.is_repeated else [value]
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.message_type.GetOptions().map_entry:
                continue
            for one in many:
                yield from strings(one)
        elif field.type == FieldDescriptor.TYPE_STRING and not UNREAD.search(field.name):
            for one in many:
                yield from of_json(one) if one[:1] in "{[" else [one]


def of_json(text: str) -> Iterator[str]:
    try:
        yield from within(json.loads(text), False)
    except ValueError:
        yield text


def within(value: Any, read: bool) -> Iterator[str]:
    """The texts of a chart's or a component's data that are read: those under names that say so."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from within(inner, key in READ_IN_JSON or (read and isinstance(inner, (str, list))))
    elif isinstance(value, list):
        for inner in value:
            yield from within(inner, read)
    elif isinstance(value, str) and read:
        yield value


def elements(test: AppTest) -> Iterator[Message]:
    """Those that hold words: neither code nor formulas."""
    for element in test._tree:
        if getattr(element, "proto", None) is not None and element.type not in ("code", "latex"):
            yield element.proto


def choices() -> set[str]:
    """Settings and the values that they offer, by the names that the command line has for them; citations are as they are."""
    kinds = [item.Config for item in {**algorithms(), **families(), **models()}.values()]
    kinds += [RunConfig, TrainingConfig, EvaluationConfig]
    found = [field.annotation for kind in kinds for field in kind.model_fields.values()]
    offered = {one for annotation in found for one in get_args(annotation) if isinstance(one, str)}
    fields = [(name, field) for kind in kinds for name, field in kind.model_fields.items()]
    return (
        offered
        | {name for name, _ in fields}
        | {field.default for _, field in fields if isinstance(field.default, str)} - {""}
    )


def english(test: AppTest, *typed: str) -> list[str]:
    """The pieces of what a page shows that are in English. typed: names that people gave."""
    assert not test.exception, test.exception[0].value
    names = {*NAMES, *typed, *choices(), *(family.citation for family in families().values())} - {""}
    names |= {*algorithms(), *families(), *models()}
    names |= {preset.name for preset in PRESETS}
    known = re.compile(
        "|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in sorted(names, key=len, reverse=True))
    )
    found = []
    for text in (text for message in elements(test) for text in strings(message)):
        for piece in re.split(r"[\n·|]", TAGS.sub(" ", text.replace("\\", "").replace("\u2060", ""))):
            left = WORD.findall(known.sub(" ", piece))
            # Within a Chinese sentence a name may stand, but no English clause.
            if left and (not CHINESE.search(piece) or re.search(r"\b[a-z]+ [a-z]+ [a-z]+\b", known.sub("·", piece))):
                found.append(piece.strip())
    found = list(dict.fromkeys(found))
    print("\n".join(found))
    return found


@pytest.fixture
def chinese(app, monkeypatch):
    """Opens a page as somebody who reads Chinese does."""
    monkeypatch.setattr("pages.parts.language._remembered", lambda: "zh")

    def opened(page: str = "home", **query: Any) -> AppTest:
        test = app(page, **query)
        assert test.session_state[CHOSEN] == "zh"
        return test

    return opened


@pytest.mark.parametrize(
    "page", ["home", "runs", "run", "compare", "train", "tournament", "datasets", "learn", "playground"]
)
def test_an_empty_home_is_in_chinese(chinese, page):
    assert english(chinese(page)) == []


@pytest.mark.parametrize(
    "family",
    [
        "sinusoid",
        "doodles",
        "omniglot",
        "pictures",
        "mini_imagenet",
        "cifar_fs",
        "intents",
        "own-texts",
        "names",
        "navigation",
        "environments",
    ],
)
def test_data_sets_are_described_in_chinese(chinese, family):
    assert english(chinese("datasets", set=family)) == []


@pytest.mark.parametrize("section", ["idea", "tasks", "steps", "learners", "uses", "limits", "mistake"])
def test_the_lessons_are_in_chinese(chinese, section):
    assert english(chinese("learn", section=section)) == []


@pytest.mark.parametrize("mode", ["draw", "versus", "drag", "steer", "bring"])
def test_the_playground_is_in_chinese(chinese, mode):
    assert english(chinese("playground", mode=mode)) == []


@pytest.mark.parametrize("of", ["texts", "translations"])
def test_what_may_be_brought_is_said_in_chinese(chinese, of):
    assert english(chinese("playground", mode="bring", of=of)) == []


@pytest.mark.parametrize(
    "preset", ["sinusoid-maml", "doodles-5w1s", "intents-5w1s-protonet", "navigation-maml", "names-maml"]
)
def test_the_form_is_in_chinese(chinese, preset):
    assert english(chinese("train", preset=preset)) == []


@pytest.mark.parametrize("status", ["queued", "running", "finished", "failed"])
def test_runs_are_in_chinese(chinese, make_run, home, status):
    run = make_run("doodles-5w1s", status, name="mine")
    validated(home, run, five_classes())
    assert english(chinese("run", run=run.id), "mine") == []
    assert english(chinese("runs"), "mine") == []


def test_comparisons_are_in_chinese(chinese, make_run, store, home):
    import numpy as np

    runs = [
        make_run(name, name=label) for name, label in (("doodles-5w1s", "alpha"), ("doodles-5w1s-protonet", "beta"))
    ]
    for run in runs:
        evaluated(store, home, run, np.random.default_rng(run.id).uniform(0.5, 1, 600), five_classes())
    assert english(chinese("compare", runs=",".join(str(run.id) for run in runs)), "alpha", "beta") == []
    assert english(chinese("present", runs=",".join(str(run.id) for run in runs)), "alpha", "beta") == []


def test_a_language_is_chosen_in_the_sidebar_and_stays(app, said):
    page = app()
    assert "Start with a preset" in said(page)
    page.button("language-zh").click().run()
    assert page.session_state[CHOSEN] == "zh" and "Start with a preset" not in said(page)
