"""Tasks that the classes of a split are too few or too small for, with the way out. Free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.language import plural, tr
from data.sizes import Sizes


@dataclass(frozen=True)
class Shortage:
    """A task asks for more than a split has. field: where it is said, n_way, k_shot or n_query.

    lowered: what to lower, to how much, for such tasks to be there; empty where no smaller task would do.
    remedy: what to do instead. leave_empty: whether that is to leave the field empty.
    """

    field: str
    message: str
    lowered: Mapping[str, int] = field(default_factory=dict)
    remedy: str = ""
    leave_empty: bool = False

    def __str__(self) -> str:
        remedy = self.remedy or tr("lower {settings}", settings=lower(self.lowered))
        return tr("{message}; {remedy}.", message=self.message, remedy=remedy)


def lower(most: Mapping[str, int]) -> str:
    """In words: ``k_shot to 5 or less``. most: the largest values by setting."""
    return tr(" and ").join(tr("{name} to {value} or less", name=name, value=value) for name, value in most.items())


def shortages(family: str, split: str, sizes: Sizes, n_way: int, k_shot: int, n_query: int) -> list[Shortage]:
    """Why tasks of this shape cannot be drawn, at most one a field. Whoever follows one of them is rid of it, and meets no other.

    family: its name. split: what it is called, "validation", in English.
    """
    found, split = [], tr(split)
    if n_way > sizes.classes:
        message = tr(
            "n_way = {n_way} exceeds the {classes} {split} classes of {family}",
            n_way=n_way,
            classes=sizes.classes,
            split=split,
            family=family,
        )
        some = sizes.classes >= 2
        fewer = {"n_way": sizes.classes} if some else {}
        found.append(Shortage("n_way", message, fewer, "" if some else tr("add {split} classes", split=split)))
    way, needed = min(n_way, sizes.classes), k_shot + n_query
    has = sizes.smallest_of(way)
    if needed <= has:
        return found
    if len(sizes.by_count) == 1:
        message = plural(
            "k_shot + n_query = {needed} exceeds the {n} example per class of {family}",
            "k_shot + n_query = {needed} exceeds the {n} examples per class of {family}",
            int(has),
            needed=needed,
            family=family,
        )
    else:
        message = plural(
            "k_shot + n_query = {needed} exceeds the {n} example that {way} {split} classes have in {family}",
            "k_shot + n_query = {needed} exceeds the {n} examples that {way} {split} classes have in {family}",
            int(has),
            needed=needed,
            way=way,
            split=split,
            family=family,
        )
    fewer = _fewer_examples(message, int(has), sizes.having(needed), k_shot, n_query)
    return [fewer] if fewer.field == "n_way" else [*found, fewer]


def _fewer_examples(message: str, has: int, enough: int, k_shot: int, n_query: int) -> Shortage:
    """The larger of the two is to be lowered, both only where that is not enough. has: examples there are.

    enough: classes that have as many as were asked for.
    """
    larger, smaller = ("k_shot", "n_query") if k_shot > n_query else ("n_query", "k_shot")
    least = min(k_shot, n_query)
    if least < has:
        return Shortage(larger, message, {larger: has - least})
    if has >= 2:
        return Shortage(larger, message, {larger: has - has // 2, smaller: has // 2})
    if enough >= 2:
        return Shortage("n_way", message, {"n_way": enough})
    return Shortage(larger, message, {}, tr("add examples"))


def left_out(split: str, sizes: Sizes, k_shot: int, n_query: int) -> str:
    """A sentence for a log about the classes that are too small to be drawn; empty where there are none."""
    needed = k_shot + n_query
    small = sizes.classes - sizes.having(needed)
    if not small:
        return ""
    return f"{small} of {sizes.classes} {split} classes have fewer than {needed} examples and are never drawn."
