"""``python -m core``: the engine without a browser."""

from core.cli.app import main

if __name__ == "__main__":
    main()
