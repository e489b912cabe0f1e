"""From a config to a trained learner and back. Knows nothing of processes, queues or databases."""
