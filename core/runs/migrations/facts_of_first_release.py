"""What 0.1 knew of its learners and families by name, frozen: facts for the rows that it wrote."""

from typing import Any

# name -> title, group, whether it is trained at all, whether it takes inner steps, whether it trains on episodes
_LEARNERS = {
    "anil": ("ANIL", "model-agnostic", True, True, True),
    "baseline++": ("Baseline++", "baselines", True, True, False),
    "cnp": ("CNP", "model-dependent", True, False, True),
    "maml": ("MAML", "model-agnostic", True, True, True),
    "maml++": ("MAML++", "model-agnostic", True, True, True),
    "matchingnet": ("MatchingNet", "model-dependent", True, False, True),
    "meta-sgd": ("Meta-SGD", "model-agnostic", True, True, True),
    "nearest-centroid": ("Nearest centroid", "baselines", False, False, True),
    "pretrain": ("Pretrain + fine-tune", "baselines", True, True, False),
    "proto-maml": ("Proto-MAML", "combined", True, True, True),
    "protonet": ("ProtoNet", "model-dependent", True, False, True),
    "relationnet": ("RelationNet", "model-dependent", True, False, True),
    "reptile": ("Reptile", "model-agnostic", True, True, True),
    "scratch": ("From scratch", "baselines", False, True, True),
    "snail": ("SNAIL", "model-dependent", True, False, True),
}
_FAMILIES = {"doodles": "Doodles", "omniglot": "Omniglot", "sinusoid": "Sinusoid regression"}
_SQUARED_ERROR = {
    "name": "mse", "title": "mean squared error", "higher_is_better": False, "unit": "", "factor": 1.0, "digits": None,
    "low": 0.0, "high": None, "chance": None,
}  # fmt: skip


def learner_of(config: dict[str, Any]) -> str:
    """As 0.1 called it in lists and legends: ``maml, first order``."""
    algorithm = config.get("algorithm", {})
    return algorithm.get("name", "") + (", first order" if algorithm.get("first_order") else "")


def facts_of(config: dict[str, Any]) -> dict[str, Any] | None:
    """The facts of a run with this config; None where its learner or its family is none of 0.1's."""
    algorithm, family = config.get("algorithm", {}), config.get("family", {})
    name = algorithm.get("name")
    if name not in _LEARNERS or family.get("name") not in _FAMILIES:
        return None
    title, group, trains, takes_steps, episodic = _LEARNERS[name]
    n_way = family.get("n_way")
    support_curve, query_curve = _curves(name, takes_steps, episodic)
    return {
        "learner": learner_of(config),
        "learner_title": title,
        "group": group,
        "family_title": _FAMILIES[family["name"]],
        "task": (f"{n_way}-way " if n_way else "") + f"{family.get('k_shot')}-shot",
        "metric": _accuracy(n_way) if n_way else _SQUARED_ERROR,
        "trains": trains,
        "takes_steps": takes_steps,
        "loss": _loss(name, n_way),
        "support_curve": support_curve,
        "query_curve": query_curve,
        "work": "tasks" if episodic else "examples",
        "work_per_iteration": config["training"]["meta_batch_size"] if episodic else algorithm["batch_size"],
    }


def _accuracy(n_way: int) -> dict[str, Any]:
    return {
        "name": "accuracy", "title": "accuracy", "higher_is_better": True, "unit": "%", "factor": 100.0, "digits": 2,
        "low": 0.0, "high": 1.0, "chance": 1 / n_way,
    }  # fmt: skip


def _loss(learner: str, n_way: int | None) -> str:
    if learner == "relationnet":
        return "squared error of relation scores"
    return "cross-entropy, nats" if n_way else "mean squared error"


def _curves(learner: str, takes_steps: bool, episodic: bool) -> tuple[str, str]:
    """What the curves of the support and of the query loss are called; "" where there is none."""
    if learner == "reptile":  # a task's support and query set are one there
        return "task, before training on it", "task, after training on it"
    if not episodic:
        return "", "training batch"
    return ("support, before adapting", "query, after adapting") if takes_steps else ("", "query")
