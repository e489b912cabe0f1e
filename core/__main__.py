"""``python -m core``: the engine without a browser."""

import sys

from core.runs import sigterm

if __name__ == "__main__":
    if "worker" in sys.argv:  # before anything that takes a while is imported
        sigterm.listen()
    from core.cli.app import main

    main()
