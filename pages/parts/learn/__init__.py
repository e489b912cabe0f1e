"""The parts of the page that explains meta-learning."""
