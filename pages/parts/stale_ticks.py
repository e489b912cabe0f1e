"""Leaving a page while its timers or its script run: ticks that it still sends are dropped, and what still runs is no other's.

A fragment that refreshes itself is run by a request from the browser, which names the page it comes from. One that is on
its way while another page is being opened (by a click in the navigation, or by ``st.switch_page``) reaches the server
too late, and Streamlit 1.67 takes it for a wish to go back: if it arrives before the new page's script has begun, the
switch is lost; if later, the browser clears the new page, and its next tick ends in "Bad delta path index". Pages here
share one sidebar, whose fragment is the same on all of them, so any switch can meet it.

One that has begun by then is stopped as soon as it draws something; until then it and the new page's script are two threads
of one session, which share what page was asked for. Where the tick writes it last, the page that is left is drawn again.
They share the fragments too, of which a script that ends drops all but its own: those of the new page would be still for good.
"""

import threading
from functools import cache, wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import get_run_yield_check

intent = threading.local()  # hash and name of the page that this thread's script was asked for


@cache
def drop() -> None:
    """From now on a tick counts only for the page that is shown, or that is being opened, and a script that is left
    leaves the new page's fragments alone. Acts once a process.
    """
    AppSession.request_rerun = _from_the_page_shown(AppSession.request_rerun)
    ScriptRequests._request_rerun_locked = _from_the_page_asked_for(ScriptRequests._request_rerun_locked)
    MemoryFragmentStorage.clear = _unless_stopped(MemoryFragmentStorage.clear)
    PagesManager.set_script_intent = _kept_by_the_thread(PagesManager.set_script_intent)
    PagesManager.intended_page_script_hash = property(lambda pages: _intent(pages)[0])
    PagesManager.intended_page_name = property(lambda pages: _intent(pages)[1])


def _from_the_page_shown(request):
    """A page is shown from the moment at which its script begins."""

    @wraps(request)
    def wrapped(session: AppSession, client: ClientState | None) -> None:
        if not (client and client.is_auto_rerun and client.page_script_hash != session.page_script_hash):
            request(session, client)

    return wrapped


def _from_the_page_asked_for(request):
    """A page is asked for from the click on; until its script begins, and while it runs, requests wait in line."""

    @wraps(request)
    def wrapped(line: ScriptRequests, new: RerunData) -> bool:
        asked_for = getattr(line, "page", "")
        if new.is_auto_rerun and asked_for and new.page_script_hash != asked_for:
            return True  # as if it had been taken
        line.page = new.page_script_hash or asked_for  # a rerun after a change of the code names no page
        return request(line, new)

    return wrapped


def _unless_stopped(clear):
    """Whether a script is to stop is asked when it draws something; here it is at the end of it, perhaps long after that."""

    @wraps(clear)
    def wrapped(fragments: MemoryFragmentStorage, new_fragment_ids: frozenset[str] | None = None) -> None:
        if ask := get_run_yield_check():
            ask()  # raises what ends the script
        clear(fragments, new_fragment_ids)

    return wrapped


def _kept_by_the_thread(set_intent):
    """Each run of a script is a thread's, which says at its start what page it is for."""

    @wraps(set_intent)
    def wrapped(pages: PagesManager, page_script_hash: str, page_name: str) -> None:
        intent.page = page_script_hash, page_name
        set_intent(pages, page_script_hash, page_name)

    return wrapped


def _intent(pages: PagesManager) -> tuple[str, str]:
    return getattr(intent, "page", (pages._intended_page_script_hash, pages._intended_page_name))
