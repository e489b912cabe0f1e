"""Real pictures of one's own to measure with: emoji as four makers draw them, a folder a kind, a folder in it an emoji.

    npm pack emoji-datasource-apple@15.1.2    # and -google, -twitter, -facebook
    python -m benchmarks.emoji FOLDER emoji-datasource-*.tgz
    python -m core datasets add emoji FOLDER …

64×64 pixels each. Those that all makers have, without those that differ by a person's skin alone. The pictures are their makers',
and not part of Innerloop.
"""

import json
import sys
import tarfile
from pathlib import Path

LIST, TONES = "package/emoji.json", "-1f3f"


def unpacked(archive: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    """Of a maker's package the kind of each emoji, by the name of its file, and the pictures."""
    with tarfile.open(archive) as packed:
        kinds = {one["image"]: one["category"] for one in json.load(packed.extractfile(LIST))}
        names = {name: Path(name).name for name in packed.getnames() if "/64/" in name and name.endswith(".png")}
        return kinds, {file: packed.extractfile(name).read() for name, file in names.items()}


def main(folder: Path, archives: list[Path]) -> None:
    made = {archive.name.split("-")[2]: unpacked(archive) for archive in archives}
    shared = set.intersection(*(set(pictures) for _, pictures in made.values()))
    kinds = next(iter(made.values()))[0]
    chosen = sorted(file for file in shared if file in kinds and TONES not in file)
    for file in chosen:
        place = folder / kinds[file].replace(" & ", " and ") / Path(file).stem
        place.mkdir(parents=True, exist_ok=True)
        for maker, (_, pictures) in made.items():
            (place / f"{maker}.png").write_bytes(pictures[file])
    print(f"{len(chosen)} emoji by {len(made)} makers in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
