"""Images of many sizes: what the gate calls abnormal, and what a model is fed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.generators import GeneratorConfig
from tasks.inventory.input_choice import choose_input
from tasks.runtime import accelerators
from tasks.validation.abnormal_sizes import abnormal_sizes
from tests.gate_keeper import broken_rules, judge
from tests.image_trees import draw_image

if TYPE_CHECKING:
    from pathlib import Path


def photographs(root: Path, count: int = 120) -> Path:
    """Write two classes of noisy images of nearly as many sizes as images, 60 to 220 pixels."""
    random = np.random.default_rng(0)
    for number in range(count):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        size = (int(random.integers(110, 220)), int(random.integers(60, 200)))
        draw_image(number % 2, number, size=size, mode="RGB").save(folder / f"{number:03d}.png")
    return root


def frame_of(*sizes: tuple[int, int], mode: str = "RGB") -> pd.DataFrame:
    """Return the columns that a choice of the input depends on."""
    height, width = zip(*sizes, strict=True)
    return pd.DataFrame({"height": height, "width": width, "mode": mode, "channels": 3})


def test_photographs_of_many_sizes_pass(tmp_path: Path) -> None:
    """Without a setting, and the log of the gate says what sizes there are."""
    verdict = judge(photographs(tmp_path / "photos"))
    assert not verdict.failures
    (finding,) = (each for each in verdict.findings if each.rule == "sizes")
    assert finding.observed.endswith("to 219 pixels; 0 far outside")


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ((16, 16), "far below the model's input of 96 pixels (16x16)"),
        ((40, 20), "far below the model's input of 96 pixels (40x20)"),
        ((120, 1900), "extremely wide (120x1900)"),
        ((2100, 130), "extremely high (2100x130)"),
        ((2400, 1800), "far larger than the others (2400x1800)"),
    ],
)
def test_an_abnormal_size_is_named_with_its_reason(
    tmp_path: Path, size: tuple[int, int], problem: str
) -> None:
    """Far below the model's input, far outside of the others, or extremely narrow."""
    root = photographs(tmp_path / "photos")
    draw_image(1, 999, size=size, mode="RGB").save(root / "a/odd.png")
    verdict = judge(root)
    assert broken_rules(verdict) == {"sizes"}
    assert verdict.failures[0].examples == (f"a/odd.png: {problem}",)
    assert verdict.failures[0].observed.endswith("pixels; 1 far outside")
    assert "gate DIR --suggest > retrain.toml" in verdict.details
    assert judge(root, sizes={"quarantine": True}).accepted


def test_the_nature_of_a_set_is_no_mistake() -> None:
    """Signs of 15 to 250 pixels, lines of text, scans of two cameras: nothing is abnormal."""
    random = np.random.default_rng(1)
    signs = np.exp(random.uniform(np.log(15), np.log(250), 2_000)).astype(int)
    photos = random.lognormal(6, 0.7, 2_000).astype(int)
    for height, width in (
        (signs, (signs * random.uniform(0.8, 1.2, 2_000)).astype(int)),
        (np.full(2_000, 32), random.integers(60, 900, 2_000)),
        (np.repeat([3_000, 480], 1_000), np.repeat([4_000, 640], 1_000)),
        (photos, (photos * random.lognormal(0, 0.3, 2_000)).astype(int)),
    ):
        frame = frame_of(*zip(height.tolist(), width.tolist(), strict=True))
        side = choose_input(frame, GeneratorConfig(), gpu=False).height
        problems = abnormal_sizes(frame, input_side=side, far=2.5)
        assert problems.isna().mean() > 0.998, problems.dropna().tolist()


def test_a_few_odd_ones_among_equal_sizes_are_named(tmp_path: Path) -> None:
    """Where nearly all have one size, another one is a mistake, however near it is."""
    root = photographs(tmp_path / "photos")
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        draw_image(number % 2, number, size=(64, 48), mode="RGB").save(file)
    for number in range(3):
        draw_image(1, 900 + number, size=(64, 50), mode="RGB").save(root / f"b/odd{number}.png")
    verdict = judge(root)
    assert verdict.failures[0].examples == tuple(f"b/odd{n}.png: 64x50" for n in range(3))
    assert verdict.failures[0].observed == "3 of 123 files; 2 sizes, 48 to 64 pixels"


def test_many_files_are_shown_by_their_sizes(tmp_path: Path) -> None:
    """The distribution, not the first ten paths of a hundred."""
    root = photographs(tmp_path / "photos")
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        size = (64, 64) if number < 50 else (64, 48 + number % 20)
        draw_image(number % 2, number, size=size, mode="RGB").save(file)
    finding = judge(root, sizes={"allowed": [[64, 64]]}).failures[0]
    assert finding.grouped
    assert finding.examples[0].startswith("64x58: 4 files, such as ")
    assert finding.examples[-1] == "10 others: 30 files"
    assert "more" not in finding.text


def turned(image: Image.Image, orientation: int, file: Path) -> None:
    """Save an image with an orientation in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(file, exif=exif, quality=95)


@pytest.mark.parametrize("orientation", range(9))
def test_sizes_are_those_of_the_image_as_it_is_displayed(tmp_path: Path, orientation: int) -> None:
    """A phone held upright stores pixels on their side; an orientation of 0 means nothing."""
    root = photographs(tmp_path / "photos", count=80)
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        draw_image(number % 2, number, size=(64, 48), mode="RGB").save(file)
    stored = (48, 64) if orientation > 4 else (64, 48)
    turned(draw_image(0, 900, size=stored, mode="RGB"), orientation, root / "a/phone.jpg")
    broken = broken_rules(judge(root))
    assert broken == ({"exif_orientation"} if orientation > 1 else set())


def test_a_photograph_and_its_turned_copy_are_a_leak(tmp_path: Path) -> None:
    """EXIF turns the one, the messenger has turned the pixels of the other."""
    for split, count in (("train", 60), ("test", 30)):
        photographs(tmp_path / "data" / split, count=count)
    for number, file in enumerate(sorted((tmp_path / "data/test").rglob("*.png"))):
        draw_image(number % 2, 500 + number, size=(150, 100), mode="RGB").save(file)
    small = np.random.default_rng(5).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    photo = Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)
    turned(photo, 6, tmp_path / "data/train/a/phone.jpg")
    sent = Image.open(tmp_path / "data/train/a/phone.jpg").transpose(Image.Transpose.ROTATE_270)
    Image.fromarray(np.asarray(sent)).save(tmp_path / "data/test/a/sent.png")
    verdict = judge(tmp_path / "data")
    assert "leakage" in broken_rules(verdict)
    assert "test/a/sent.png: test and train" in verdict.details


@pytest.mark.parametrize(
    ("sizes", "model", "gpu", "chosen"),
    [
        ([(28, 28)], "fast_cnn", False, (28, 28)),
        ([(32, 32)], "small_cnn", False, (32, 32)),
        ([(128, 100)], "fast_cnn", False, (128, 100)),
        ([(480, 640)], "fast_cnn", False, (80, 112)),
        ([(480, 640)], "MobileNetV2", False, (136, 184)),
        ([(533, 400), (400, 533), (711, 400)], "fast_cnn", False, (96, 96)),
        ([(533, 400), (400, 533), (711, 400)], "fast_cnn", True, (160, 160)),
        ([(533, 400), (400, 533), (711, 400)], "small_cnn", False, (64, 64)),
        ([(533, 400), (400, 533), (711, 400)], "MobileNetV2", True, (224, 224)),
        ([(40, 44), (31, 40), (52, 47)], "fast_cnn", False, (40, 40)),
        ([(3, 3), (4, 3), (2, 2)], "fast_cnn", False, (8, 8)),
    ],
)
def test_the_input_suits_images_model_and_hardware(
    sizes: list[tuple[int, int]],
    model: str,
    gpu: bool,  # noqa: FBT001 - a column of the table
    chosen: tuple[int, int],
) -> None:
    """Small images of one size stay as they are; no model is fed the size of photographs."""
    choice = choose_input(frame_of(*sizes), GeneratorConfig(), model=model, gpu=gpu)
    assert (choice.height, choice.width) == chosen
    assert model in choice.reason or "images" in choice.reason


@pytest.mark.parametrize(
    ("modes", "chosen"),
    [
        (["L"] * 20, "grayscale"),
        (["I;16"] * 10 + ["1"] * 10, "grayscale"),
        (["L"] * 15 + ["RGB"] * 5, "rgb"),
        (["L"] * 19 + ["RGB"], "grayscale"),
        (["RGBA"] * 20, "rgba"),
        (["RGBA"] * 10 + ["RGB"] * 10, "rgb"),
        (["CMYK"] * 10 + ["P"] * 10, "rgb"),
    ],
)
def test_colours_are_kept_where_there_are_some(modes: list[str], chosen: str) -> None:
    """Gray input only where nearly all images are gray."""
    frame = frame_of(*[(9, 9)] * 20).assign(mode=modes)
    assert choose_input(frame, GeneratorConfig()).color_mode == chosen


def test_a_gpu_is_seen_without_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its device file, unless it is hidden or several workers have to agree."""
    (tmp_path / "device").touch()
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(accelerators, "DEVICES", (tmp_path / "none", tmp_path / "device"))
    assert accelerators.has_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not accelerators.has_gpu()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert not accelerators.has_gpu()
