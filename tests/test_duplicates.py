"""Copies and near-duplicates: what is the same image, saved twice, and what is not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tasks.config.data import DataConfig
from tasks.inventory import duplicates
from tasks.inventory.features import thumbnails
from tasks.inventory.image_file import read_images
from tasks.inventory.scan import take_inventory
from tests.gate_keeper import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    Change = Callable[[Image.Image], Image.Image]
    from tests.image_trees import Tree


def scene(number: int, side: int = 96, mode: str = "RGB") -> Image.Image:
    """Draw soft blobs, as different from another number's as two photographs are."""
    random = np.random.default_rng(number)
    small = random.integers(0, 255, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).convert(mode)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Save an image as JPEG and open it again."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert(image.mode)


def one_dot(image: Image.Image) -> Image.Image:
    """Set one pixel to white."""
    copy = image.copy()
    copy.putpixel((5, 5), (255, 255, 255))
    return copy


def scratched(image: Image.Image) -> Image.Image:
    """Draw a scratch, such as an inspection looks for."""
    copy = image.copy()
    copy.paste((255, 255, 255), (20, 40, 60, 44))
    return copy


def other_color(image: Image.Image) -> Image.Image:
    """Swap red and blue."""
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


def groups_of(root: Path, **data: Any) -> pd.Series:
    """Return the group of each file."""
    inventory = take_inventory(DataConfig(directory=root, **data), seed=42)
    return inventory.set_index("path")["group"]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Return a folder of unlike images in two classes."""
    for number in range(40):
        folder = tmp_path / "scenes" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        scene(number).save(folder / f"{number:02d}.png")
    return tmp_path / "scenes"


@pytest.mark.parametrize(
    ("change", "suffix"),
    [
        (lambda image: image, ".png"),
        (lambda image: image, ".bmp"),
        (lambda image: jpeg(image, 90), ".png"),
        (lambda image: jpeg(image, 60), ".png"),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.08), ".png"),
        (lambda image: ImageEnhance.Contrast(image).enhance(0.9), ".png"),
        (lambda image: image.resize((150, 150)), ".png"),
        (lambda image: image.resize((60, 60)), ".png"),
        (one_dot, ".png"),
    ],
    ids=["copy", "bmp", "jpeg90", "jpeg60", "brighter", "fainter", "larger", "smaller", "dot"],
)
def test_a_image_saved_again_is_found(scenes: Path, change: Change, suffix: str) -> None:
    """Whatever the format, the size and the light, within what saving changes."""
    change(scene(3)).save(scenes / f"a/again{suffix}")
    groups = groups_of(scenes)
    assert set(groups[groups.notna()].index) == {"a/03.png", f"a/again{suffix}"}
    assert groups["a/03.png"] == "a/03.png"


@pytest.mark.parametrize(
    "change",
    [
        scratched,
        other_color,
        lambda image: image.rotate(10),
        lambda image: scratched(image).transpose(Image.Transpose.ROTATE_90),
        lambda image: image.crop((20, 20, 76, 76)).resize((96, 96)),
    ],
    ids=["scratched", "recolored", "tilted", "scratched and turned", "cropped"],
)
def test_another_image_is_not(scenes: Path, change: Change) -> None:
    """A scratch, another colour, another view: images a classifier must tell apart."""
    change(scene(3)).save(scenes / "a/other.png")
    assert groups_of(scenes).isna().all()


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name.lower())
@pytest.mark.parametrize("shape", [(96, 96), (120, 80)], ids=["square", "wide"])
def test_a_turned_copy_is_found(
    scenes: Path, turn: Image.Transpose, shape: tuple[int, int]
) -> None:
    """By quarter turns and mirrors, saved as JPEG too, and whatever the shape of the image."""
    image = scene(3).resize(shape)
    image.save(scenes / "a/03.png")
    jpeg(image.transpose(turn), 75).save(scenes / "a/turned.png")
    groups = groups_of(scenes)
    assert set(groups[groups.notna()].index) == {"a/03.png", "a/turned.png"}


def test_a_turned_copy_of_another_class_is_not(scenes: Path) -> None:
    """An arrow to the left is no copy of an arrow to the right."""
    scene(3).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(scenes / "b/turned.png")
    assert groups_of(scenes).isna().all()


def test_images_that_equal_their_mirror_image_are_told_apart(tmp_path: Path) -> None:
    """Where a position can't be chosen, all of them are compared: nothing is missed or invented."""
    for number in range(24):
        half = np.asarray(scene(number, mode="L"))[:, :48]
        pixels = np.hstack([half, half[:, ::-1]])
        folder = tmp_path / "even" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        if number < 4:
            jpeg(Image.fromarray(pixels.T.copy()), 80).save(folder / f"{number}turned.png")
    groups = groups_of(tmp_path / "even").dropna()
    assert len(groups) == 8
    assert groups.nunique() == 4


def test_a_phones_photo_and_its_messenger_copy_are_a_leak(tmp_path: Path) -> None:
    """The pixels of one are turned, EXIF of the other says so, and they are one image."""
    root = tmp_path / "photos"
    for number in range(60):
        folder = root / ("test" if number % 3 == 0 else "train") / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(number).resize((96, 64)).save(folder / f"{number:02d}.jpg", quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in (1, 3):
        upright = scene(100 + number).resize((64, 96))
        stored = upright.transpose(Image.Transpose.ROTATE_90)
        stored.save(root / f"train/b/IMG_{number}.jpg", exif=exif, quality=92)
        upright.save(root / f"test/b/WA{number:04d}.jpg", quality=75)
    verdict = judge(root)
    (finding,) = (each for each in verdict.failures if each.rule == "near_leakage")
    assert finding.stops
    assert {"test/b/WA0001.jpg", "test/b/WA0003.jpg"} <= {
        example.partition(":")[0] for example in finding.examples
    }


def test_noise_is_not_averaged_away(tmp_path: Path) -> None:
    """Large noisy images of one shape have like thumbnails and unlike pixels."""
    for number in range(12):
        folder = tmp_path / "noise" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 120, (256, 256), dtype=np.uint8)
        pixels[:, 60:120] += 100
        Image.fromarray(pixels).save(folder / f"{number}.png")
    assert groups_of(tmp_path / "noise").isna().all()


def test_a_hash_alone_is_not_believed(tmp_path: Path) -> None:
    """Handwritten ones share their hash and are no copies: real digits, none in a group."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number in np.flatnonzero(digits.target < 2)[:200]:
        folder = tmp_path / "digits" / str(digits.target[number])
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (digits.images[number] * 15.9).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    assert groups_of(tmp_path / "digits").isna().all()


def test_images_of_one_color_are_no_copies(image_tree: Tree) -> None:
    """A black 10 x 20 image is no duplicate of a black 20 x 10 one, nor of another."""
    root = image_tree()
    for number, size in enumerate([(10, 20), (20, 10), (10, 20)]):
        Image.new("L", size).save(root / f"cat/black{number}.png")
    assert groups_of(root).isna().all()


def test_only_exact_copies_where_it_is_said(scenes: Path) -> None:
    """data.near_duplicates = None compares pixels and nothing else."""
    jpeg(scene(3), 90).save(scenes / "a/near.png")
    scene(4).save(scenes / "a/copy.bmp")
    groups = groups_of(scenes, near_duplicates=None)
    assert set(groups[groups.notna()].index) == {"b/04.png", "a/copy.bmp"}


def test_every_file_of_a_large_group_is_in_it(scenes: Path) -> None:
    """A hundred savings of one image are one group."""
    for number in range(100):
        ImageEnhance.Brightness(scene(3)).enhance(1 + number / 1000).save(
            scenes / f"a/burst{number}.png"
        )
    groups = groups_of(scenes)
    assert (groups == "a/03.png").sum() == 101


def test_candidates_are_not_all_pairs() -> None:
    """Of 20,000 random hashes hardly any pair is looked at, and equal ones all are."""
    hashes = np.random.default_rng(0).integers(0, 2**63, 20_000, dtype=np.uint64)
    hashes[1::2] = hashes[::2] ^ np.uint64(1 << 17)
    pairs = np.concatenate(list(duplicates._candidates(hashes)))  # noqa: SLF001 - the promise is its size
    assert len({tuple(pair) for pair in np.sort(pairs, axis=1).tolist()}) == 10_000


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (31, 47), (300, 200)])
def test_the_hash_is_imagehashs(tmp_path: Path, size: tuple[int, int]) -> None:
    """`imagehash.phash` of the thumbnail, and the thumbnail is what a reader would expect."""
    face = scene(5, 320)
    face.resize(size).save(tmp_path / "x.png")
    row = read_images(str(tmp_path), ["x.png"], 10_000_000)[0]
    thumb = np.frombuffer(row["thumbnail"][:256], np.uint8).reshape(16, 16)
    expected = imagehash.phash(Image.fromarray(thumb), highfreq_factor=2)
    assert row["perceptual_hash"] == str(expected)
    box = face.resize(size).convert("L").resize((16, 16), Image.Resampling.BOX)
    assert np.abs(np.asarray(box).astype(int) - thumb).mean() < 6


def test_thumbnails_average_the_image() -> None:
    """Each value is the mean of its part, computed by hand here."""
    stack = np.random.default_rng(0).integers(0, 255, (3, 32, 64, 1), dtype=np.uint8)
    thumbs = thumbnails(stack[..., 0], stack)
    expected = stack[..., 0].reshape(3, 16, 2, 16, 4).mean(axis=(2, 4))
    assert np.abs(thumbs[:, :256].reshape(3, 16, 16) - expected).max() <= 0.5
    assert (thumbs[:, 256:] == 128).all()
