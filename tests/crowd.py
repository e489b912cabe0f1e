"""Several processes that do the same at the same moment. POSIX: they are forked."""

import json
import subprocess
import sys

from core.runs.home import PROJECT

# The module's own imports are made once, before it is forked; each fork then waits until all of them are there.
CROWD = """
import json, multiprocessing, sys
exec(sys.argv[1])
forking, count = multiprocessing.get_context("fork"), int(sys.argv[2])
barrier = forking.Barrier(count)

def one(_):
    act = ready(*sys.argv[3:])
    barrier.wait(60)
    return act()

with forking.Pool(count) as pool:
    print(json.dumps(pool.map(one, range(count), chunksize=1)))
"""


def at_once(count: int, code: str, *arguments: object) -> list:
    """What each of ``count`` processes answers.

    code: defines ``ready``, which takes the arguments as texts and returns what is done at once, a function whose answer is JSON.
    """
    command = [sys.executable, "-c", CROWD, code, str(count), *map(str, arguments)]
    return json.loads(
        subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout
    )
