"""Debian's PostgreSQL for the length of the tests: on a data folder of its own, reached through a socket, no port."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL

from tests.waiting import wait_until

ACCOUNT = "postgres"  # the server refuses to run as root; Debian's package makes this account
# Nothing of it outlives the tests, so it never has to wait for the disk.
SETTINGS = ("-F", "-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=32MB")


def absent() -> str:
    """Why there can be no server here; empty where there can."""
    if binaries() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    return "" if find_spec("psycopg") else "psycopg is not installed (requirements-dev.txt has it)"


def binaries() -> Path | None:
    """The folder of the server's programs: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@contextmanager
def serving() -> Iterator[URL]:
    """The address of a server's first database, as one that may create others."""
    as_root = os.geteuid() == 0
    # The server ends with the tests, also where they are killed.
    alone = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
    alone += [f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"] if as_root else []
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        if as_root:
            shutil.chown(folder, ACCOUNT, ACCOUNT)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        place = ["-D", f"{folder}/data"]
        how = ["--no-sync", "-A", "trust", "-U", ACCOUNT, "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run([*alone, str(binaries() / "initdb"), *place, *how], check=True, **quiet)
        server = subprocess.Popen([*alone, str(binaries() / "postgres"), *place, "-k", folder, *SETTINGS], **quiet)
        try:
            asked = [str(binaries() / "pg_isready"), "-q", "-h", folder]
            wait_until(lambda: subprocess.run(asked).returncode == 0)
            yield URL.create("postgresql+psycopg", ACCOUNT, database="postgres", query={"host": folder})
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for those still connected
            server.wait()
