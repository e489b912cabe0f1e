"""Learners, one file each: a file differs from its neighbour as one paper differs from the other."""
