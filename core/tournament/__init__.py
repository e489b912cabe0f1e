"""A fair tournament of learners on one kind of tasks, and what it answers."""
