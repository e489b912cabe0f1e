"""A run's settings: what they are, how they are checked, named starting points, changes by path."""
