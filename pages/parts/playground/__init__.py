"""The parts of the page on which visitors try learners out."""
