"""The Data sets page: what there is, what is in it, the same task for the same seed, and an import from beginning to end."""

from pathlib import Path

import pytest

from core.runs.home import Home
from data import picture_set
from data.import_pictures import Wanted, import_pictures
from pages.parts import say
from pages.parts.datasets import importing
from tests.data.made_up_texts import made_up_texts, write_clinc150
from tests.data.photographs import EIGHT, album


@pytest.fixture
def mine(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> picture_set.PictureSet:
    """A set of one's own; the home's data sets are in a folder of the test's own."""
    monkeypatch.setenv("INNERLOOP_DATASETS", str(tmp_path / "datasets"))
    photos = album(
        tmp_path / "photos", {f"{'ab'[i % 2]}/{name}": count for i, (name, count) in enumerate(EIGHT.items())}
    )
    (photos / "a/class0/broken.png").write_bytes(b"no picture")
    folders = Home.find(home.root).folders
    return import_pictures("mine", photos, folders, Wanted(32))


def test_every_data_set_is_listed_and_the_address_chooses_one(app, said, mine) -> None:
    page = app("datasets", set="mine")
    text = said(page)
    assert {f"choose-set-{name}" for name in ("mine", "doodles", "omniglot", "sinusoid")} <= {
        one.key for one in page.button
    }
    assert "52, 32 × 32 pixels, in colour" in text
    assert "SHA-256" in text
    assert mine.hash[:16] in text
    assert any(one.label == say.plain("Left out: 1 file") for one in page.expander)


@pytest.mark.usefixtures("mine")
def test_the_same_seed_shows_the_same_task(app, said) -> None:
    def hashed(page) -> str:
        (code,) = page.code
        return code.value

    page = app("datasets", set="mine")
    first = hashed(page)
    page.number_input("inspector-seed").set_value(7).run()
    other = hashed(page)
    page.number_input("inspector-seed").set_value(0).run()
    assert hashed(page) == first != other
    page.number_input("inspector-n_query-mine").set_value(90).run()
    assert "exceeds" in said(page)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("name", ["sinusoid", "doodles", "navigation", "names", "omniglot", "nothing of the kind"])
def test_a_family_that_comes_with_innerloop_and_one_that_is_missing_are_shown(name: str, app, said) -> None:
    page = app("datasets", set=name)
    text = said(page)
    assert ("SHA-256" in text) is (name != "omniglot")
    assert "comes along" in text  # names, which are not made up
    assert ("There is no data set" in text) is (name == "nothing of the kind")
    assert any(one.key == "download-family" for one in page.button) is (name == "omniglot")


@pytest.mark.usefixtures("mine")
def test_texts_are_shown_by_class_and_as_a_task(app, said, tmp_path: Path) -> None:
    write_clinc150(tmp_path / "datasets")
    text = said(app("datasets", set="intents"))
    assert "SHA-256" in text and "CC BY 3.0" in text
    assert "freeze_account 20" in text and "support" in text


@pytest.mark.usefixtures("mine")
def test_texts_of_ones_own_say_that_a_file_has_to_be_named(app, said) -> None:
    page = app("datasets", set="own-texts")
    assert "Say above what it is made of" in said(page) and "SHA-256" not in said(page)


@pytest.mark.usefixtures("mine")
def test_texts_of_ones_own_are_shown_once_their_file_is_named(app, said, tmp_path: Path, monkeypatch) -> None:
    made_up_texts(tmp_path / "datasets" / "texts" / "a.csv")
    outside = made_up_texts(tmp_path / "elsewhere.csv")
    page = app("datasets", set="own-texts")
    page.text_input(key="asked-own-texts-file").set_value("a.csv").run()
    assert "SHA-256" in said(page) and "a.csv" in page.query_params["file"]
    assert "SHA-256" in said(app("datasets", set="own-texts", file="a.csv"))
    assert "SHA-256" in said(app("datasets", set="own-texts", file=str(outside)))
    monkeypatch.setenv("INNERLOOP_OWN_FILES", "off")
    text = said(app("datasets", set="own-texts", file=str(outside)))
    assert "switched off on this server" in text and "SHA-256" not in text


@pytest.mark.usefixtures("mine")
def test_environments_of_ones_own_say_that_a_function_has_to_be_named(app, said) -> None:
    page = app("datasets", set="environments")
    assert "is not an import path" in said(page) and "my_tasks:make_task" in said(page)
    assert "code of yours" in said(page)


def test_splits_are_drawn_anew(app, mine) -> None:
    page = app("datasets", set="mine")
    page.number_input("split-seed").set_value(3).run()
    page.button("split-draw").click().run()
    assert not page.exception
    again = picture_set.find("mine", Home.find().folders)
    assert again.by == "classes, seed 3"
    assert [each.split for each in again.classes] != [each.split for each in mine.classes]


@pytest.mark.usefixtures("mine")
def test_a_set_is_deleted(app) -> None:
    page = app("datasets", set="mine")
    page.button("delete-set").click().run()
    assert not page.exception
    assert picture_set.names(Home.find().folders) == []
    assert not any(one.key == "choose-set-mine" for one in page.button)


@pytest.mark.usefixtures("mine")
def test_train_on_it_starts_from_the_set(app) -> None:
    page = app("train", family="pictures", set="mine")
    assert not page.exception
    widgets = [
        w for kind in ("selectbox", "button_group") for w in page.get(kind) if (w.key or "").endswith("family.set")
    ]
    assert [w.value for w in widgets] == ["mine"]
    sides = [w.value for w in page.text_input if (w.key or "").endswith("family.side")]
    assert sides == ["32"]


def test_a_folder_of_this_machine_is_imported(app, said, home: Home, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("INNERLOOP_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setattr(importing.trust, "own_machine", lambda: True)
    photos = album(tmp_path / "photos", EIGHT)
    page = app("datasets")
    page.text_input("import-path-0").set_value(str(photos)).run()
    page.text_input("import-name-0").set_value("no name").run()
    assert "Use letters, digits" in said(page)
    assert page.button("start-import").disabled
    page.text_input("import-name-0").set_value("doodles").run()
    assert "is the name of a family" in said(page)
    page.text_input("import-name-0").set_value("birds").run()
    page.button("start-import").click().run()
    job = importing._jobs(str(home.root)).get("latest")
    if job is not None:
        job.wait()
    page.run()
    assert not page.exception
    assert "52" in said(page) and page.query_params["set"] in ("birds", ["birds"])


def test_an_import_that_failed_says_why_and_can_be_tried_again(
    app, said, home: Home, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(importing.trust, "own_machine", lambda: True)
    page = app("datasets")
    page.text_input("import-path-0").set_value(str(tmp_path / "nowhere")).run()
    page.text_input("import-name-0").set_value("birds").run()
    page.button("start-import").click().run()
    if job := importing._jobs(str(home.root)).get("latest"):
        job.wait()
    page.run()
    assert "nowhere does not exist. Check the path." in said(page)
    assert page.text_input("import-name-0").value == "birds", "what was typed stays"
    assert not page.button("start-import").disabled


def test_where_others_reach_the_server_no_folder_of_it_is_read(app, monkeypatch) -> None:
    monkeypatch.setattr(importing.trust, "own_machine", lambda: False)
    page = app("datasets")
    assert not any((one.key or "").startswith("import-path") for one in page.text_input)
