"""A visitor imports pictures of their own: a folder that is dropped, a zip, and what is neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.runs import warm
from core.runs.home import Home
from data.own_pictures import OwnPictures, OwnPicturesConfig
from tests.data.photographs import EIGHT, album, zipped
from tests.e2e.serving import Server, free_port

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose data sets are its own to write."""
    root = tmp_path_factory.mktemp("home")
    running = Server(Home(root, root / "datasets", f"sqlite:///{root / 'innerloop.db'}"), free_port())
    running.start()
    yield running
    running.stop()
    warm.end(running.home)


def choose(page: Page, key: str, files: Path) -> None:
    page.locator(f".st-key-import-{key}-0 input[type=file]").set_input_files(files)


def begin(page: Page, name: str) -> None:
    field = page.locator(".st-key-import-name-0 input")
    field.fill(name)
    field.press("Enter")
    page.locator(".st-key-start-import button").click()


def test_a_folder_is_dropped_and_shown_as_a_data_set(importing: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{importing.url}/datasets?set=doodles")
    choose(page, "files", album(tmp_path / "birds", EIGHT))
    begin(page, "birds")
    page.wait_for_url("**/datasets?set=birds")
    expect(page.locator(".st-key-card-set-classes img").first).to_be_visible()
    home = importing.home
    family = OwnPictures(OwnPicturesConfig(set="birds"), datasets=home.datasets, cache=home.cache)
    counted = [int(one) for split in ("train", "val", "test") for one in family.counted(split)]
    assert sorted(counted) == sorted(EIGHT.values()), "all that was sent, in classes of the same sizes"


def test_a_zip_is_sent_and_what_is_none_is_a_message(importing: Server, page: Page, tmp_path: Path) -> None:
    false = tmp_path / "false.zip"
    false.write_bytes(b"no zip at all")
    page.goto(f"{importing.url}/datasets?set=doodles")
    choose(page, "zip", false)
    begin(page, "fish")
    card = page.locator(".st-key-card-import")
    expect(card.get_by_role("alert")).to_contain_text("zip")
    expect(page.locator(".st-key-import-name-0 input")).to_have_value("fish")  # to try again with another file
    page.locator(".st-key-import-zip-0").get_by_role("button", name="Remove false.zip").click()
    expect(page.locator(".st-key-start-import button")).to_be_disabled()  # the file has gone
    choose(page, "zip", zipped(album(tmp_path / "fish", EIGHT), tmp_path / "fish.zip", "fish/"))
    page.locator(".st-key-start-import button").click()
    page.wait_for_url("**/datasets?set=fish")
    expect(page.locator(".st-key-card-set-classes img").first).to_be_visible()
