"""What do the rules about the content of photographs find, and what do they find wrongly?

    python benchmarks/content_rules.py clothing/ --strange cifar10/train > figures.md
    python benchmarks/content_rules.py cifar10/train --per-class 600
    python benchmarks/content_rules.py mnist_png/training --per-class 400

Wrong labels, strange images and warped copies are planted among the images of a folder, and the
rules' own functions are asked; and what they find in the folder as it is. Images are embedded
whether they are photographs or not.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from tasks.config.data import DataConfig
    from tasks.inventory.embeddings import Embeddings

SEEDS = 3
SWAPPED = 0.02
STRANGE = 400
COPIES = 100
QUALITY = 85
FURTHEST = 0.06


def embedded(
    folder: Path, cache: Path, per_class: int | None
) -> tuple[pd.DataFrame, Embeddings, DataConfig]:
    """Take the inventory of a folder, or of the first images of each class, and embed them."""
    from tasks.config.data import DataConfig
    from tasks.inventory.embeddings import embeddings_of
    from tasks.inventory.scan import take_inventory

    if per_class is not None:
        few = cache / f"few-{folder.name}"
        for label in sorted(path for path in folder.iterdir() if path.is_dir()):
            (few / label.name).mkdir(parents=True)
            for file in sorted(label.iterdir())[:per_class]:
                shutil.copy2(file, few / label.name / file.name)
        folder = few
    settings = DataConfig(directory=folder, embeddings="always")
    inventory = take_inventory(settings, seed=1, cache_dir=cache / "state")
    embeddings = embeddings_of(inventory, settings, root=folder, cache_dir=cache / "state")
    if embeddings is None:
        raise SystemExit("The extra pretrained is not installed.")
    return inventory, embeddings, settings


def labels(inventory: pd.DataFrame, embeddings: Embeddings) -> None:
    """Print what the rule label_errors finds, as the folder is and with swapped labels."""
    from tasks.config.gate import GateConfig
    from tasks.validation.label_errors import start_judging_labels

    rule = GateConfig().label_errors
    found = start_judging_labels(inventory, rule, embeddings=embeddings)()
    print(f"Suspect labels as it is: {_count(found, inventory)}.")
    classes = sorted(set(inventory["label"]))
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        rows = random.choice(len(inventory), int(SWAPPED * len(inventory)), replace=False)
        swapped = inventory["label"].to_numpy(object).copy()
        for row in rows:
            other = classes.index(swapped[row]) + random.integers(1, len(classes))
            swapped[row] = classes[other % len(classes)]
        found = start_judging_labels(
            inventory.assign(label=swapped).astype({"label": "str"}), rule, embeddings=embeddings
        )()
        wrong = set(inventory["path"].iloc[rows])
        if found is not None:
            right = len(wrong & set(found["path"]))
            print(
                f"{SWAPPED:.0%} swapped, seed {seed}: {len(found)} found, precision"
                f" {right / max(1, len(found)):.2f}, recall {right / len(wrong):.2f}."
            )


def outliers(inventory: pd.DataFrame, embeddings: Embeddings, strange: np.ndarray | None) -> None:
    """Print what the rule outliers finds, as the folder is and with images of another one."""
    from tasks.config.gate import GateConfig
    from tasks.validation.outliers import find_outliers

    far = GateConfig().outliers.far
    found = find_outliers(inventory, embeddings, far=far)
    print(f"Outliers as it is: {_count(found, inventory)}.")
    if strange is None:
        return
    random = np.random.default_rng(0)
    hits = 0
    rows = random.choice(len(inventory), STRANGE, replace=False)
    # A few at a time: many of one kind would be each other's neighbours.
    for part in np.array_split(rows, STRANGE // 4):
        features = embeddings.features.copy()
        features[part] = strange[random.choice(len(strange), len(part), replace=False)]
        planted = dataclasses.replace(embeddings, features=features)
        found = find_outliers(inventory, planted, far=far)
        paths = set() if found is None else set(found["path"])
        hits += len(paths & set(inventory["path"].iloc[part]))
    print(f"Images of another folder, four at a time: {hits} of {STRANGE} found.")


def _count(found: pd.DataFrame | None, inventory: pd.DataFrame) -> str:
    if found is None:
        return "not judged"
    return f"{len(found)} of {len(inventory):,} ({len(found) / len(inventory):.2%})"


def copies(
    inventory: pd.DataFrame, embeddings: Embeddings, settings: DataConfig, scratch: Path
) -> None:
    """Print which warped copies are found, and which pairs are among the images as they are."""
    from tasks.inventory.image_registration import confirm_copies
    from tasks.inventory.warped_copies import find_candidates, warped_copies

    root = Path(inventory.attrs["root"])
    normalized = embeddings.of(inventory, inventory)
    candidates = find_candidates(normalized)
    started = time.perf_counter()
    pairs = warped_copies(inventory, normalized, settings, root=root, cache=None)
    print(
        f"Warped copies as it is: {len(pairs)} pairs of {len(candidates):,} candidates,"
        f" {time.perf_counter() - started:.0f} s."
    )
    for first, second in pairs:
        print(f"- {inventory['path'].iloc[first]} and {inventory['path'].iloc[second]}")
    print("\n| copy | candidates | found |\n|---|---|---|")
    rows = np.random.default_rng(0).choice(len(inventory), COPIES, replace=False)
    for name, change in _changes().items():
        folder = scratch / name
        made = _write_copies(change, inventory.iloc[rows], inventory.attrs["root"], folder)
        pairs = {tuple(pair) for pair in find_candidates(np.vstack([normalized, made]))}
        near = [n for n, row in enumerate(rows) if (row, len(inventory) + n) in pairs]
        files = [
            (str(Path(root, inventory["path"].iloc[rows[n]])), str(folder / f"{n}.jpg"), True)
            for n in near
        ]
        found = sum(confirm_copies("/", files, 10**8))
        print(f"| {name} | {len(near) / COPIES:.2f} | {found / COPIES:.2f} |", flush=True)


def _write_copies(
    change: Callable[[Image.Image], Image.Image], rows: pd.DataFrame, root: str, folder: Path
) -> np.ndarray:
    """Write a changed copy of each image, and return their normalized embeddings."""
    from tasks.inventory.embed_files import embed_files

    folder.mkdir()
    for number, source in enumerate(rows["path"]):
        with Image.open(Path(root, source)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        change(upright).save(folder / f"{number}.jpg", quality=QUALITY)
    names = [f"{number}.jpg" for number in range(len(rows))]
    made = embed_files(str(folder), names, 10**8).astype("float32")
    normalized: np.ndarray = made / np.linalg.norm(made, axis=1, keepdims=True)
    return normalized


def _changes() -> dict[str, Callable[[Image.Image], Image.Image]]:
    random = np.random.default_rng(0)

    def crop(image: Image.Image, share: float) -> Image.Image:
        width, height = (round(share * side) for side in image.size)
        left, top = (
            int(random.integers(0, side - kept + 1))
            for side, kept in zip(image.size, (width, height), strict=True)
        )
        return image.crop((left, top, left + width, top + height))

    def affine(*numbers: float) -> Callable[[Image.Image], Image.Image]:
        def change(image: Image.Image) -> Image.Image:
            scaled = [*numbers]
            scaled[2], scaled[5] = numbers[2] * image.width, numbers[5] * image.height
            return image.transform(image.size, Image.Transform.AFFINE, tuple(scaled))

        return change

    return {
        "cropped to 80% of each side": lambda image: crop(image, 0.8),
        "cropped to 60% of each side": lambda image: crop(image, 0.6),
        "mirrored, cropped to 80%": lambda image: ImageOps.mirror(crop(image, 0.8)),
        "turned by 12 degrees": lambda image: image.rotate(12, Image.Resampling.BILINEAR),
        "shifted by an eighth": affine(1, 0, 0.125, 0, 1, 0.125),
        "sheared by 0.15": affine(1, 0.15, 0, 0, 1, 0),
        "seen from the side": lambda image: _seen_from_the_side(image, random),
    }


def _seen_from_the_side(image: Image.Image, random: np.random.Generator) -> Image.Image:
    import cv2

    size = np.array(image.size, "float32")
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], "float32") * size
    moved = corners + random.uniform(-FURTHEST, FURTHEST, (4, 2)).astype("float32") * size
    warp = cv2.getPerspectiveTransform(corners, moved)
    return Image.fromarray(cv2.warpPerspective(np.asarray(image), warp, image.size))


def main() -> None:
    """Print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder of images in class folders")
    parser.add_argument("--strange", type=Path, help="a folder whose images are planted in it")
    parser.add_argument("--per-class", type=int, help="take the first images of each class only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch)
        inventory, embeddings, settings = embedded(given.folder, cache, given.per_class)
        print(f"## {given.folder.name}: {len(inventory):,} images\n")
        labels(inventory, embeddings)
        strange: Any = None
        if given.strange:
            _, others, _ = embedded(given.strange, cache, 100)
            strange = others.features
        outliers(inventory, embeddings, strange)
        copies(inventory, embeddings, settings, cache)


if __name__ == "__main__":
    main()
