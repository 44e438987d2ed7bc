"""The geometry of augmentation, compared with SciPy and Pillow on known images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance
from scipy import ndimage

from tasks.config.generators import GeneratorConfig
from tasks.generators.augmentation import affine, augment, draw_moves, move

STILL = {"rotation_range": 0, "width_shift_range": 0, "height_shift_range": 0, "zoom_range": 0}
SCIPY_MODES = {"nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}


def known_image(height: int = 21, width: int = 30) -> np.ndarray:
    """Return a smooth image, in which an error of place shows: (height, width, 1) uint8."""
    rows, columns = np.mgrid[0:height, 0:width]
    image: np.ndarray = (rows * 6 + columns * 3).astype("uint8")[..., None]
    return image


def scipy_moved(
    image: np.ndarray,
    theta: float,
    shift: tuple[float, float],
    zoom: tuple[float, float],
    mode: str,
) -> np.ndarray:
    """Move an image as ImageDataGenerator does: scipy.ndimage about the centre."""
    rotation = np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]])
    matrix = rotation @ np.diag(zoom)
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = rotation @ np.array(shift) + centre - matrix @ centre
    moved: np.ndarray = ndimage.affine_transform(
        image[..., 0].astype(float), matrix, offset=offset, order=1, mode=mode
    )[..., None]
    return moved


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect"])
@pytest.mark.parametrize(
    ("theta", "shift", "zoom"),
    [
        (0.0, (0.0, 0.0), (1.0, 1.0)),
        (0.3, (0.0, 0.0), (1.0, 1.0)),
        (0.0, (3.0, -4.5), (1.0, 1.0)),
        (0.0, (0.0, 0.0), (0.8, 1.25)),
        (-0.2, (1.5, 2.0), (1.1, 0.9)),
        (0.0, (0.0, 0.0), (1.0, -1.0)),
    ],
)
def test_moves_agree_with_scipy(
    theta: float, shift: tuple[float, float], zoom: tuple[float, float], fill_mode: str
) -> None:
    """Rotation, shift, zoom and flip put every pixel where SciPy puts it, within rounding."""
    image = known_image()
    moves = affine(
        tf.constant([theta]),
        *(tf.constant([float(value)]) for value in (*shift, *zoom)),
        height=tf.constant(21.0),
        width=tf.constant(30.0),
    )
    moved = move(image[None], moves, GeneratorConfig(fill_mode=fill_mode)).numpy()[0]
    expected = scipy_moved(image, theta, shift, zoom, SCIPY_MODES[fill_mode])
    assert np.abs(moved.astype(float) - expected).max() <= 1.01


def test_whole_turns_and_mirrors_are_exact() -> None:
    """A half turn is np.rot90 twice; a flip is np.fliplr or np.flipud."""
    image = known_image(16, 16)
    for settings, expected in (
        (GeneratorConfig(**STILL, horizontal_flip=True), np.fliplr(image)),
        (GeneratorConfig(**STILL, vertical_flip=True), np.flipud(image)),
    ):
        batch = augment(np.repeat(image[None], 64, 0), settings, seed=tf.constant([1, 2], tf.int64))
        flipped = [np.array_equal(moved, expected) for moved in batch.numpy()]
        same = [np.array_equal(moved, image) for moved in batch.numpy()]
        assert all(a != b for a, b in zip(flipped, same, strict=True))
        assert 10 < sum(flipped) < 54


def test_constant_fill_uses_cval() -> None:
    """Points outside become cval."""
    moves = affine(
        *(tf.constant([value]) for value in (0.0, 0.0, 8.0, 1.0, 1.0)),
        height=tf.constant(16.0),
        width=tf.constant(16.0),
    )
    settings = GeneratorConfig(fill_mode="constant", cval=77)
    moved = move(known_image(16, 16)[None], moves, settings).numpy()[0, :, :, 0]
    assert (moved[:, 8:] == 77).all()


def test_nothing_asked_for_changes_nothing() -> None:
    """With all ranges zero the batch comes back as it went in."""
    image = known_image()[None]
    moved = augment(image, GeneratorConfig(**STILL), seed=tf.constant([1, 1], tf.int64))
    assert np.array_equal(moved.numpy(), image)


@pytest.mark.parametrize(
    ("settings", "index", "low", "high"),
    [
        ({"width_shift_range": 0.2}, 2, -6.0, 6.0),
        ({"width_shift_range": 5.0}, 2, -5.0, 5.0),
        ({"height_shift_range": 0.5}, 5, -10.5, 10.5),
    ],
)
def test_shifts_are_shares_below_one_and_pixels_above(
    settings: dict[str, float], index: int, low: float, high: float
) -> None:
    """As in ImageDataGenerator: 0.2 is a fifth of the side, 5.0 is five pixels."""
    shape = tf.constant([4000, 21, 30, 1])
    config = GeneratorConfig(**{**STILL, **settings})
    drawn = draw_moves(shape, config, seed=tf.constant([3, 4], tf.int64)).numpy()[:, index]
    assert low <= drawn.min() < low * 0.95
    assert high * 0.95 < drawn.max() <= high


@pytest.mark.parametrize(
    ("extent", "shifts"),
    [
        (3, {-2: 1, -1: 1, 0: 2, 1: 1, 2: 1}),
        (1, {0: 1}),
        (0, {0: 1}),
        ([0, 4], {-4: 1, 0: 2, 4: 1}),
        ([-2, -1, 0, 1, 2], {-2: 1, -1: 1, 0: 1, 1: 1, 2: 1}),
        ([0.1, 0.2], {-6: 1, -3: 1, 3: 1, 6: 1}),
    ],
)
def test_integers_and_lists_are_choices(extent: object, shifts: dict[int, int]) -> None:
    """As in ImageDataGenerator: an integer is whole pixels below it, a list one of its own."""
    shape = tf.constant([6000, 21, 30, 1])
    config = GeneratorConfig(**{**STILL, "width_shift_range": extent})
    drawn = draw_moves(shape, config, seed=tf.constant([3, 4], tf.int64)).numpy()[:, 2]
    values, counts = np.unique(drawn.round(4), return_counts=True)
    assert values.tolist() == list(shifts)
    expected = np.array(list(shifts.values())) / sum(shifts.values())
    assert np.abs(counts / 6000 - expected).max() < 0.03


def test_whole_pixels_move_nothing_in_between() -> None:
    """An image shifted by an integer has the pixels it had, not blends of them."""
    noise = np.random.default_rng(0).integers(0, 255, (1, 16, 16, 3), np.uint8)
    config = GeneratorConfig(**{**STILL, "width_shift_range": 3, "height_shift_range": [2]})
    batch = augment(np.repeat(noise, 32, 0), config, seed=tf.constant([1, 2], tf.int64)).numpy()
    middle = [
        noise[0, 4 + down : 12 + down, 4 + right : 12 + right]
        for down in (-2, 2)
        for right in range(-2, 3)
    ]
    for moved in batch[:, 4:12, 4:12]:
        assert any(np.array_equal(moved, shifted) for shifted in middle)


def test_zoom_draws_each_axis_apart_within_its_range() -> None:
    """zoom_range 0.2 is [0.8, 1.2] on each axis by itself."""
    shape = tf.constant([4000, 21, 30, 1])
    config = GeneratorConfig(**{**STILL, "zoom_range": 0.2})
    drawn = draw_moves(shape, config, seed=tf.constant([3, 4], tf.int64)).numpy()
    for axis in (0, 4):
        assert 0.8 <= drawn[:, axis].min() < 0.81
        assert 1.19 < drawn[:, axis].max() <= 1.2
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 4])[0, 1]) < 0.1


def test_brightness_agrees_with_pillow() -> None:
    """The factor is ImageEnhance.Brightness's."""
    image = known_image()
    config = GeneratorConfig(**STILL, brightness_range=(1.5, 1.5))
    moved = augment(image[None], config, seed=tf.constant([1, 1], tf.int64)).numpy()[0]
    enhanced = ImageEnhance.Brightness(Image.fromarray(image[..., 0])).enhance(1.5)
    assert np.abs(moved[..., 0].astype(int) - np.asarray(enhanced).astype(int)).max() <= 1


def test_the_seed_decides() -> None:
    """The same seed gives the same batch, another seed another, and images differ."""
    batch = np.repeat(known_image()[None], 8, 0)
    config = GeneratorConfig()
    first, again, other = (
        augment(batch, config, seed=tf.constant([5, step], tf.int64)).numpy() for step in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])
