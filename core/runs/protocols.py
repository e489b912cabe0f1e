"""What two scores have to share before they compare, read from the protocols that were stored with them."""

from typing import Any

from core.runs.facts import Facts
from data.language import mark

# Of a family's config: how it was trained and which frozen network reads first, not which tasks it was tested on.
OF_TRAINING = (
    *("n_way", "k_shot", "n_query", "flip", "crop", "jitter", "meta_gradient"),
    *("extractor", "extractor_weights", "extractor_size", "extractor_side", "extractor_mean", "extractor_std"),
    *("encoder", "encoder_size"),
)
SAID = {
    "split": mark("split"),
    "n_way": mark("classes"),
    "k_shot": mark("shots"),
    "n_query": mark("queries"),
    "episodes": mark("number of episodes"),
    "seed": mark("episode seed"),
    "interval": mark("interval"),
}


def comparable(protocol: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The parts of a protocol that have to be equal, under the names that people read."""
    family = {key: value for key, value in protocol.get("family", {}).items() if key not in OF_TRAINING}
    parts = {mark("family {key}", key=key): value for key, value in family.items()}
    parts |= {title: protocol.get(key) for key, title in SAID.items()}
    # A learner that reads the support set at once has none to share, and what one has chosen on validation tasks is its own.
    if facts.takes_steps and not protocol.get("chosen"):
        parts[mark("inner steps")] = protocol.get("inner_steps")
    if (normalised := normalised_by(protocol, facts)) != "none":  # likewise a network without BatchNorm
        parts[mark("BatchNorm's statistics")] = normalised
    if digest := protocol.get("episodes_sha256"):
        parts[mark("episodes")] = f"SHA-256 {digest[:8]}…"
    return parts


def normalised_by(protocol: dict[str, Any], facts: Facts) -> str | None:
    """What BatchNorm normalised a query by, in the glossary's words. Version 0.1 had one word for two protocols."""
    said = protocol.get("batch_statistics")
    if said != "transductive":
        return said
    return mark("queries together") if facts.takes_steps else mark("support and queries together")
