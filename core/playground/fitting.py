"""Whose learners each part of the playground takes: names of task families."""

POINTS = ("sinusoid",)  # of a curve, which a person drags
SIGNS = ("doodles", "omniglot")  # of 28×28 pixels, which a person draws or tells apart
GOALS = ("navigation",)  # in the plane
