"""Cropped, turned and warped copies of photographs are near-duplicates; other images are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from sklearn.datasets import load_sample_images

from tasks.config.data import DataConfig
from tasks.inventory.image_registration import describe, is_warped_copy
from tasks.inventory.pair_answers import PairQuestion
from tasks.inventory.scan import take_inventory
from tests.gate_keeper import broken_rules
from tests.scenes import SIZE, draw_scene, write_scenes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gate_keeper import GateKeeper

    Change = Callable[[Image.Image], Image.Image]


def crop(image: Image.Image) -> Image.Image:
    """Leave 80% of each side."""
    width, height = image.size
    return image.crop((width // 10, height // 8, width * 9 // 10, height * 37 // 40))


def shift(image: Image.Image) -> Image.Image:
    """Move everything by a tenth, with black behind it."""
    step = image.width // 10
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, step, 0, 1, step))


def shear(image: Image.Image) -> Image.Image:
    """Lean to one side."""
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0.15, 0, 0, 1, 0))


def see_from_the_side(image: Image.Image) -> Image.Image:
    """Warp as a photograph of a photograph."""
    width, height = image.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], "float32")
    moved = corners + np.array([[12, 9], [-5, 4], [-14, -7], [6, -12]], "float32")
    warp = cv2.getPerspectiveTransform(corners, moved)
    return Image.fromarray(cv2.warpPerspective(np.asarray(image), warp, image.size))


CHANGES: dict[str, Change] = {
    "crop": crop,
    "mirrored crop": lambda image: ImageOps.mirror(crop(image)),
    "shift": shift,
    "turn": lambda image: image.rotate(12, Image.Resampling.BILINEAR),
    "shear": shear,
    "perspective": see_from_the_side,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_photograph_is_recognised(name: str) -> None:
    """Two real photographs, each with its own changed copy, and not with the other's."""
    china, flower = (small(Image.fromarray(image)) for image in load_sample_images().images)
    changed = CHANGES[name](Image.fromarray(load_sample_images().images[0]))
    assert is_warped_copy(describe(china), describe(small(changed)))
    assert is_warped_copy(describe(small(changed)), describe(china))
    assert not is_warped_copy(describe(flower), describe(small(changed)))


def small(image: Image.Image) -> Image.Image:
    """Return an image as the product compares it."""
    copy = image.copy()
    copy.thumbnail((160, 160), Image.Resampling.BOX)
    return copy


def test_what_has_no_points_is_no_copy() -> None:
    """Blank images, and those of a few pixels."""
    scene = describe(small(draw_scene(1)))
    for image in (Image.new("L", (90, 80), 128), Image.new("L", (2, 2)), Image.new("L", (1, 300))):
        assert not is_warped_copy(scene, describe(image))
        assert not is_warped_copy(describe(image), scene)


def test_another_thing_in_the_same_place_is_another_image() -> None:
    """Two shirts on one chair: nearly everything agrees but for what matters."""
    scene = draw_scene(3)
    other = scene.copy()
    ImageDraw.Draw(other).ellipse((70, 60, 140, 130), fill=(250, 250, 250))
    assert not is_warped_copy(describe(small(scene)), describe(small(crop(other))))


def test_turned_copies_count_within_a_class_only() -> None:
    """Arrows to the left and to the right are two classes; a slightly turned copy is a copy."""
    scene = draw_scene(4)
    for change, counts in ((ImageOps.mirror, False), (CHANGES["turn"], True), (lay, False)):
        first, second = describe(small(scene)), describe(small(change(scene)))
        assert is_warped_copy(first, second)
        assert is_warped_copy(first, second, any_way=False) is counts


def lay(image: Image.Image) -> Image.Image:
    """Turn by a quarter."""
    return image.transpose(Image.Transpose.ROTATE_90)


def test_a_shirt_of_another_colour_is_another_shirt() -> None:
    """However much its shape is the same."""
    scene = draw_scene(3)
    red, green, blue = scene.split()
    other = Image.merge("RGB", (blue, red, green)).convert("L").convert("RGB")
    assert not is_warped_copy(describe(small(scene)), describe(small(crop(other))))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Write 80 scenes, and a changed copy of six of them."""
    root = write_scenes(tmp_path / "photos", {"discs": 40, "bars": 40})
    for number, change in enumerate(CHANGES.values()):
        changed = change(Image.open(root / f"discs/{number:03d}.jpg"))
        changed.save(root / f"discs/copy{number}.jpg", quality=85)
    return root


def test_warped_copies_share_a_split(photos: Path, tmp_path: Path) -> None:
    """Those whose embeddings point at each other, and none of the other scenes."""
    settings, cache = DataConfig(directory=photos), tmp_path / "cache"
    inventory = take_inventory(settings, seed=1, cache_dir=cache).set_index("path")
    copies = [f"discs/copy{number}.jpg" for number in range(len(CHANGES))]
    sources = [f"discs/{number:03d}.jpg" for number in range(len(CHANGES))]
    found = [
        copy
        for copy, source in zip(copies, sources, strict=True)
        if inventory["group"][copy] in {copy, source}
        and inventory["group"][copy] == inventory["group"][source]
        and inventory["split"][copy] == inventory["split"][source]
    ]
    # Drawn scenes are more alike than photographs: benchmarks/results/content_rules.md.
    assert len(found) >= 2, found
    assert set(inventory.index[inventory["group"].notna()]) <= {*copies, *sources}
    without = settings.model_copy(update={"embeddings": "never"})
    assert take_inventory(without, seed=1)["group"].notna().sum() < len(found)


def test_what_was_compared_is_not_compared_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new image costs the comparisons with its own neighbours."""
    settings, cache = DataConfig(directory=photos), tmp_path / "cache"
    first = take_inventory(settings, seed=1, cache_dir=cache)
    asked: list[tuple[str, str, bool]] = []
    ask_all = PairQuestion._ask_all  # noqa: SLF001 - what it is asked is the point

    def noting(self: PairQuestion, pairs: list[tuple[str, str, bool]], *others: Any) -> list[bool]:
        if self.description == "warped copies":
            asked.extend(pairs)
        return ask_all(self, pairs, *others)

    monkeypatch.setattr(PairQuestion, "_ask_all", noting)
    crop(draw_scene(8)).save(photos / "discs/late.jpg", quality=90)
    second = take_inventory(settings, seed=1, cache_dir=cache)
    assert all("discs/late.jpg" in pair for pair in asked)
    groups = second.set_index("path")["group"]
    assert groups["discs/late.jpg"] == groups["discs/008.jpg"] == "discs/008.jpg"
    before = first.set_index("path")["group"].dropna()
    assert (groups[before.index] == before).all()


def test_a_cropped_copy_in_test_is_a_leak(keeper: GateKeeper, tmp_path: Path) -> None:
    """Where folders give the splits, and the copy was cropped on its way."""
    for split, first, count in (("train", 0, 40), ("test", 100, 20)):
        write_scenes(tmp_path / "photos" / split, {"discs": count, "bars": count}, first)
    root = tmp_path / "photos"
    assert "near_leakage" not in broken_rules(keeper.judge(root))
    for number in range(3):
        image = Image.open(root / f"train/discs/{number:03d}.jpg")
        assert image.size == SIZE
        crop(image).save(root / f"test/discs/leak{number}.jpg", quality=90)
    verdict = keeper.judge(root)
    assert not verdict.accepted
    (finding,) = (each for each in verdict.failures if each.rule == "near_leakage")
    assert any("leak" in example for example in finding.examples)
