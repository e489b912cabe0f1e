"""The parts of the Data sets page."""
