"""What sets a run apart from another, such as the one it was made from: settings that differ, as values and in words."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.runs.names import LONGEST_NAME
from data.language import tr

MOST_SAID = 4  # settings in a sentence
BETWEEN = " · "  # the parts of a variant's name


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested config under dotted paths."""
    found = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def differences(configs: Sequence[dict[str, Any]], idle: Sequence[Collection[str]] = ()) -> dict[str, list[Any]]:
    """The paths at which configs differ, with each one's value; None where a config has no such setting, or no use for it.

    idle: for each config the settings that play no part in it. They are no difference to what the others have there.
    """
    unused = [*idle, *((),) * (len(configs) - len(idle))]
    used = [
        {path: None if plays_no_part(path, paths) else (value,) for path, value in flat(config).items()}
        for config, paths in zip(configs, unused, strict=True)
    ]
    found = {}
    for path in dict.fromkeys(path for one in used for path in one):
        row = [one.get(path, (None,)) for one in used]
        said = [value for value in row if value]
        if any(value != said[0] for value in said[1:]):
            found[path] = [value and value[0] for value in row]
    return found


def plays_no_part(path: str, idle: Collection[str]) -> bool:
    """Whether a path is among these, or inside one of them (``model.arguments.width``)."""
    return any(path == at or path.startswith(f"{at}.") for at in idle)


def changes(before: dict[str, Any], after: dict[str, Any], idle: Sequence[Collection[str]] = ()) -> dict[str, str]:
    """The settings that ``after`` has otherwise than ``before``, by their short names and in words: inner_lr, "0.02".

    Where there is another family, network or learner, only that is said of it. idle: as of ``differences``.
    """
    return {short(path): worded(row[1]) for path, row in main(differences([before, after], idle)).items()}


def main(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Of ``differences`` without those within a family, network or learner that is itself another one."""
    replaced = {path.removesuffix(".name") for path in rows if path.endswith(".name")}
    return {path: row for path, row in rows.items() if path.endswith(".name") or path.partition(".")[0] not in replaced}


def short(path: str) -> str:
    """A setting's name as people say it. The evaluation's own k_shot, say, keeps its section."""
    return path if path.startswith("evaluation.") else path.removesuffix(".name").rpartition(".")[2]


def worded(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "-".join(map(worded, value)) if isinstance(value, (list, tuple)) else str(value)


def sentence(number: int, changed: Mapping[str, str]) -> str:
    """``like #7 but inner_lr 0.02``. number: of the run that ``changed`` is told from."""
    if not changed:
        return tr("like #{number}, with the same settings", number=number)
    return tr("like #{number}{changed}", number=number, changed=_but(changed))


def _but(changed: Mapping[str, str]) -> str:
    said = [f"{name} {value}" for name, value in changed.items()][:MOST_SAID]
    more = len(changed) - len(said)
    return (tr(" but {settings}", settings=", ".join(said)) if said else "") + (
        tr(" and {n} more", n=more) if more > 0 else ""
    )


def start(facts: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """Number of the run that a run goes on from, and the iteration; None for one that began anew. facts: as its row has them."""
    begun = (facts or {}).get("start")
    return (begun["run"], begun["iteration"]) if begun else None


def continues(number: int, iteration: int, changed: Mapping[str, str]) -> str:
    """``continues #7 from iteration 1200 but meta_lr 0.02``. number: of the run that ``changed`` is told from."""
    return tr(
        "continues #{number} from iteration {iteration}{changed}",
        number=number,
        iteration=iteration,
        changed=_but(changed),
    )


def variant_name(name: str, changed: Mapping[str, str]) -> str:
    """A name for a run that is like the one of this name but for these settings: ``sinusoid-maml · inner_lr 0.02``."""
    first, *others = name.split(BETWEEN)
    kept = [part for part in others if part.partition(" ")[0] not in changed]
    whole = BETWEEN.join([first, *kept, *(f"{setting} {value}" for setting, value in changed.items())])
    whole = "".join(sign for sign in whole if sign.isprintable())
    return whole if len(whole) <= LONGEST_NAME else f"{whole[: LONGEST_NAME - 1]}…"
