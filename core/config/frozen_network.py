"""Whether a frozen network can read a family's examples, as far as it is known without running it."""

from pathlib import Path

from core.config.problem import Problem
from data import encoder, extractor
from data.errors import ModelError
from data.family import FamilyConfig
from data.language import tr
from data.places import Folders


def frozen_problems(family: FamilyConfig, folders: Folders | None) -> list[Problem]:
    """Why the frozen network that is named cannot read these examples, as far as it is known without running it."""
    if not family.frozen_network:
        return []
    try:
        frozen_files(family, folders)
    except ModelError as error:
        found = [Problem(error.path, error.message, error.remedy, ({f"family.{family.frozen}": ""},))]
    else:
        found = []
    return found + (extractor_problems(family) if family.frozen == "extractor" else [])


def frozen_files(family: FamilyConfig, folders: Folders | None) -> list[Path]:
    """What a frozen network is read from, whose changes make it another; its code only where it is found. Raises ModelError."""
    if family.frozen == "encoder":
        return [encoder.encoder_folder(family, folders.datasets) / encoder.PARTS] if folders else []
    code = extractor.named(family.extractor).file()
    return ([extractor.weights_file(family, folders.datasets)] if folders else []) + ([code] if code else [])


def extractor_problems(family: extractor.ExtractedConfig) -> list[Problem]:
    """Settings of a frozen network that do not fit the pictures."""
    found = []
    channels = {len(family.extractor_mean), len(family.extractor_std)}
    if len(channels) > 1 or min(channels) not in (3, family.picture_spec.shape[0]):
        usual = {f"family.extractor_{name}": extractor.USUAL[name] for name in ("mean", "std")}
        text = tr(
            "The frozen network is given {n} means and {extractor_std} deviations.",
            n=len(family.extractor_mean),
            extractor_std=len(family.extractor_std),
        )
        remedy = tr("Give three of each; one of each only where it reads grey pictures.")
        found.append(Problem("family.extractor_mean", text, remedy, (usual,)))
    if getattr(family, "augments", False):
        text = tr("Pictures go through the frozen network once, and those of training are to be changed at every draw.")
        remedy = tr(
            "Set family.flip to false, family.crop to 0 and family.jitter to 0, or leave the frozen network out."
        )
        still = {"family.flip": False, "family.crop": 0, "family.jitter": 0.0}
        found.append(Problem(extractor.AT, text, remedy, (still, {extractor.AT: ""})))
    return found
