"""The parts of the page that asks which method to take."""
