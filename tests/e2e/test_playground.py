"""Visitors try learners out with a real mouse."""

import io
import re

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("browser")


def test_a_game_is_played_to_its_end_and_its_result_kept(server, page):
    page.goto(f"{server.url}/playground?mode=versus&ways=5&seed=3")
    candidates, next_ = page.locator(".game .candidates button"), page.locator(".game .next")
    for number in range(1, 21):
        expect(page.locator(".game .where")).to_have_text(f"Question {number} of 20")
        candidates.nth(number % 5).click()
        expect(page.locator(".game .said")).to_have_text(re.compile(r"^(Right|No), in \d+\.\d s\."))
        expect(page.locator(".game .candidates .right")).to_have_count(1)
        if number < 20:
            next_.click()
    expect(page.locator(".scores tr").nth(1)).to_contain_text(re.compile(r"You\s*\d+ of 20\s*\d+ % \(\d+ to \d+\)"))
    right = page.locator(".game .course .yes").count()
    expect(page.locator(".scores tr").nth(1)).to_contain_text(f"{right} of 20")
    with page.expect_download() as download:
        page.get_by_role("button", name="Keep the result as a picture").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_game_goes_by_the_keyboard(server, page):
    page.goto(f"{server.url}/playground?mode=versus&ways=5&seed=3")
    page.locator(".game .candidates button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".game .next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".game .where")).to_have_text("Question 2 of 20")
    expect(page.locator(".game .candidates button").first).to_be_focused()


def drawing(number: int) -> dict[str, object]:
    """A picture of a sign as a browser sends it: a bar, upright or lying, thicker by the number."""
    picture = Image.new("L", (120, 120), 255)
    box = (20, 50, 100, 60 + number) if number % 2 else (50, 20, 60 + number, 100)
    ImageDraw.Draw(picture).rectangle(box, fill=0)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return {"name": f"sign{number}.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_pictures_are_brought_and_a_photograph_is_told(server, page):
    page.goto(f"{server.url}/playground?mode=bring&run=doodles-protonet")
    for number in range(2):
        field = page.locator(f".st-key-bring-pictures-{number} input[type=file]")
        field.set_input_files([drawing(number), drawing(number + 2)])
        expect(page.locator(f".st-key-bring-pictures-{number}")).to_contain_text(f"sign{number + 2}.png")
    page.locator(".st-key-bring-asked input[type=file]").set_input_files([drawing(4), drawing(5)])
    told = page.locator(".told dd")
    expect(told).to_have_count(2)
    expect(told.nth(0).locator("span").first).to_have_text("class 1")
    expect(told.nth(1).locator("span").first).to_have_text("class 2")
    page.get_by_text("With the camera").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some(one => one.readyState > 2 && one.videoWidth)"
    )
    page.get_by_role("button", name="Take Photo").click()
    expect(told).to_have_count(3)
    expect(page.locator(".told dt").nth(2)).to_have_text("camera")
