"""What pages will say of a run, taken from its config once, as it is submitted: see ``Facts``."""

from core.algorithms.base import Algorithm, algorithms
from core.config.run import RunConfig
from core.runs.facts import Facts
from data.registry import families


def facts_of(config: RunConfig) -> Facts:
    learner, family = algorithms()[config.algorithm.name], families()[config.family.name]
    shape = config.family.shape
    support, query = learner.curve_names()
    return Facts(
        learner=called(config),
        learner_title=learner.title,
        group=learner.group,
        family_title=family.title,
        task=family.task(shape),
        metric=family.metric(config.test_shape),
        trains=learner.meta_trained,
        takes_steps=learner.takes_steps,
        loss=learner.loss_title or family.loss_title(shape),
        support_curve=support,
        query_curve=query,
        work="tasks" if learner.episodic else "examples",
        work_per_iteration=work_of(learner, config),
    )


def called(config: RunConfig) -> str:
    """The learner's name in lists and legends: as in the config, and whether MAML or its kin is first order."""
    return config.algorithm.name + (", first order" if getattr(config.algorithm, "first_order", False) else "")


def work_of(learner: type[Algorithm], config: RunConfig) -> int:
    return config.training.meta_batch_size if learner.episodic else config.algorithm.batch_size
