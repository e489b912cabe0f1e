"""The engine: learners, models, trainer, evaluation, run store, scheduler, worker, charts, command line."""
