"""Two scripts of one session that run at once, the one to be stopped soon: each draws the page that it was asked for."""

from threading import Barrier, Thread

from streamlit.runtime.pages_manager import PagesManager

from pages.parts import stale_ticks

PAGES = {
    hash: {"page_script_hash": hash, "page_name": hash, "url_pathname": hash, "icon": "", "script_path": f"{hash}.py"}
    for hash in ("run", "train")
}


def test_a_tick_that_begins_late_does_not_bring_its_page_back():
    stale_ticks.drop()
    manager, both, drawn = PagesManager("app.py"), Barrier(2, timeout=30), {}

    def script(page: str) -> None:
        if page == "run":
            both.wait()  # the one of the page that is left begins after the other
        manager.set_script_intent(page, "")
        if page == "train":
            both.wait()
        both.wait()
        drawn[page] = manager.set_pages_and_resolve(PAGES, "train")["page_script_hash"]

    threads = [Thread(target=script, args=(page,)) for page in PAGES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert drawn == {"run": "run", "train": "train"}


def test_a_page_that_the_address_names_is_found():
    stale_ticks.drop()
    manager = PagesManager("app.py")
    manager.set_script_intent("", "run")
    assert manager.set_pages_and_resolve(PAGES, "train")["page_script_hash"] == "run"
