"""``python -m core``: the engine without a browser, one subject a file."""
