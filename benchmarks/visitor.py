"""A visitor without a browser: one session of a real server, whose ticks can be asked for one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


class Visitor:
    """Speaks Streamlit's own protocol. fragments: by how often the page wants each of them rerun, in seconds."""

    def __init__(self, connection: ClientConnection, page: str, query: str):
        self._connection, self._cached, self._page, self._query = connection, set(), page, query
        self.fragments: dict[float, str] = {}
        self._script_hash = ""
        self._run(ClientState(page_name=page, query_string=query))

    def tick(self, interval: float) -> int:
        """Rerun the fragment with this interval as the browser's timer does; returns the bytes that came."""
        return self._run(
            ClientState(
                query_string=self._query,
                page_script_hash=self._script_hash,
                fragment_id=self.fragments[interval],
                is_auto_rerun=True,
                cached_message_hashes=list(self._cached),
            )
        )

    def _run(self, state: ClientState) -> int:
        """Send a request and take everything in until its script is over."""
        self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        received = 0
        while True:
            frame = self._connection.recv(timeout=120)
            received += len(frame)
            message = ForwardMsg.FromString(frame)
            kind = message.WhichOneof("type")
            if message.metadata.cacheable and message.hash and kind != "ref_hash":
                self._cached.add(message.hash)
            if kind == "auto_rerun":
                self.fragments[message.auto_rerun.interval] = message.auto_rerun.fragment_id
            elif kind == "navigation":
                self._script_hash = message.navigation.page_script_hash
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return received


@contextmanager
def visitor(url: str, page: str, query: str = "") -> Iterator[Visitor]:
    """A visitor who has just opened a page, by its address and without its slash."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None) as connection:
        yield Visitor(connection, page, query)
