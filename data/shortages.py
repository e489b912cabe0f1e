"""Tasks that the classes of a split are too few or too small for, with the way out. Free of torch."""

from dataclasses import dataclass

from data.sizes import Sizes


@dataclass(frozen=True)
class Shortage:
    """A task asks for more than a split has. field: what to lower, n_way, k_shot or n_query, to ``most``."""

    field: str
    message: str
    most: int
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy or f'lower {self.field} to {self.most} or less'}."


def shortages(family: str, split: str, sizes: Sizes, n_way: int, k_shot: int, n_query: int) -> list[Shortage]:
    """Why tasks of this shape cannot be drawn, at most one a field; whoever follows them all ends with tasks that can.

    family: its name. split: what it is called, "validation".
    """
    found = []
    if n_way > sizes.classes:
        message = f"n_way = {n_way} exceeds the {sizes.classes} {split} classes of {family}"
        none = f"add {split} classes" if sizes.classes < 2 else ""
        found.append(Shortage("n_way", message, sizes.classes, none))
    way, needed = min(n_way, sizes.classes), k_shot + n_query
    has = sizes.smallest_of(way)
    if needed <= has:
        return found
    examples = "1 example" if has == 1 else f"{has} examples"
    where = "per class of" if len(sizes.by_count) == 1 else f"that {way} {split} classes have in"
    message = f"k_shot + n_query = {needed} exceeds the {examples} {where} {family}"
    fewer = _fewer_examples(message, int(has), sizes.having(needed), k_shot, n_query)
    return [fewer] if fewer.field == "n_way" else [*found, fewer]


def _fewer_examples(message: str, has: int, enough: int, k_shot: int, n_query: int) -> Shortage:
    """has: examples there are. enough: classes that have as many as were asked for."""
    if k_shot < has:  # one example has to be left for the other field
        return Shortage("n_query", message, has - k_shot)
    if n_query < has:
        return Shortage("k_shot", message, has - n_query)
    if has >= 2:
        return Shortage("k_shot", message, 0, f"lower k_shot and n_query until they add up to {has} or less")
    if enough >= 2:
        return Shortage("n_way", message, enough)
    return Shortage("k_shot", message, 0, "add examples")


def left_out(split: str, sizes: Sizes, k_shot: int, n_query: int) -> str:
    """A sentence about the classes that are too small to be drawn; empty where there are none."""
    needed = k_shot + n_query
    small = sizes.classes - sizes.having(needed)
    if not small:
        return ""
    return f"{small} of {sizes.classes} {split} classes have fewer than {needed} examples and are never drawn."
