"""Every page opens by its address, in both themes, without an error, and says what to do when there is nothing yet."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("browser")

PAGES = {
    "": "Start with a preset", "runs": "No runs yet", "run": "No run is chosen", "train": "Launch",
    "datasets": "Import your own pictures", "learn": "What meta-learning is",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(new_server):
    return new_server


# Train draws its pictures for the theme; the others do not know which one they are shown in.
@pytest.mark.parametrize(
    ("path", "theme"),
    [
        ("", "light"),
        ("runs", "dark"),
        ("run", "light"),
        ("train", "light"),
        ("train", "dark"),
        ("datasets", "dark"),
        ("learn", "dark"),
    ],
)
def test_page_opens_without_an_error(server, page, path, theme):
    page.goto(f"{server.url}/{path}?embed_options={theme}_theme")
    expect(page.get_by_text(PAGES[path]).first).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    dark = page.locator("[data-testid=stApp]").evaluate("app => getComputedStyle(app).colorScheme")
    assert dark == theme


def test_a_family_without_its_files_says_where_to_put_them(server, page):
    page.goto(f"{server.url}/train?preset=omniglot-5w1s-quick")
    if server.home.datasets == server.home.root / "datasets":
        expect(page.get_by_text("images_background.zip").first).to_be_visible()
        expect(page.locator(".st-key-download-family button")).to_be_visible()
    else:
        expect(
            page.locator(".st-key-card-episode img, .st-key-card-episode .host, .st-key-card-episode canvas").first
        ).to_be_visible(timeout=240_000)  # decoding takes long on a busy machine
