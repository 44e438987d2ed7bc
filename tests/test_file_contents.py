"""Decoders that are faster than Pillow give its answers, on sound files and on damaged ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tasks.generators.decoding import Decoding, decode_image
from tasks.inventory.displayed import as_displayed
from tasks.inventory.file_contents import read_contents
from tasks.inventory.opened_image import describe_file, open_image
from tasks.inventory.plain_png import decode_plain_png

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 10**6
DAMAGES = 400


def saved(mode: str, image_format: str, size: tuple[int, int] = (29, 23), **options: Any) -> bytes:
    """Return an image of some structure and noise as a file."""
    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 255, (5, 4, 3), dtype=np.uint8)).resize(size)
    noisy = (np.asarray(shapes, np.int16) + random.integers(-9, 9, (*size[::-1], 3))).clip(0, 255)
    file = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).convert(mode).save(file, image_format, **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    """Return metadata of an image that was held in another way."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def text() -> PngImagePlugin.PngInfo:
    """Return a text that PNG files can hold."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "somebody")
    return info


PNG = {
    "gray": saved("L", "PNG"),
    "colours": saved("RGB", "PNG"),
    "one pixel": saved("L", "PNG", (1, 1)),
    "resolution": saved("L", "PNG", dpi=(72, 72)),
    "several chunks": saved("RGB", "PNG", (300, 300), compress_level=0),
    "1 bit": saved("1", "PNG"),
    "palette": saved("P", "PNG"),
    "gray and alpha": saved("LA", "PNG"),
    "colours and alpha": saved("RGBA", "PNG"),
    "transparent gray": saved("L", "PNG", transparency=7),
    "transparent colour": saved("RGB", "PNG", transparency=(1, 2, 3)),
    "turned": saved("L", "PNG", exif=turned(6)),
    "text": saved("L", "PNG", pnginfo=text()),
    "animation": saved("L", "PNG", save_all=True, append_images=[Image.new("L", (29, 23))]),
    "16 bits": saved("I;16", "PNG"),
}
JPEG = {
    "gray": saved("L", "JPEG"),
    "colours": saved("RGB", "JPEG"),
    "all colours": saved("RGB", "JPEG", subsampling=0, quality=100),
    "half the colours": saved("RGB", "JPEG", subsampling=1),
    "kept as RGB": saved("RGB", "JPEG", keep_rgb=True),
    "progressive": saved("RGB", "JPEG", (200, 150), progressive=True),
    "restarts": saved("RGB", "JPEG", (200, 150), restart_marker_rows=1),
    "turned": saved("RGB", "JPEG", exif=turned(6)),
    "mirrored gray": saved("L", "JPEG", exif=turned(2)),
    "four colours": saved("CMYK", "JPEG"),
    "one pixel": saved("RGB", "JPEG", (1, 1)),
    "large": saved("RGB", "JPEG", (640, 480)),
}


def assert_as_pillow(data: bytes) -> bool:
    """Assert that a file is read as Pillow alone reads it; return whether it can be read."""
    try:
        with open_image(data, max_pixels=LIMIT) as opened:
            facts, _ = describe_file(opened, data)
            displayed = as_displayed(opened)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        with pytest.raises(Exception):  # noqa: B017, PT011 - as above
            read_contents(data, max_pixels=LIMIT)
        return False
    contents = read_contents(data, max_pixels=LIMIT)
    assert contents.facts | facts == contents.facts
    assert (contents.displayed.mode, contents.displayed.size) == (displayed.mode, displayed.size)
    assert contents.pixels == displayed.tobytes() == contents.displayed.tobytes()
    return True


@pytest.mark.parametrize("data", [*PNG.values(), *JPEG.values()], ids=[*PNG, *JPEG])
def test_every_kind_of_file_is_read_as_pillow_reads_it(data: bytes) -> None:
    """Also the kinds that are left to Pillow."""
    assert assert_as_pillow(data)


@pytest.mark.parametrize("color_mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("size", [(23, 29), (29, 23), (300, 300)])
@pytest.mark.parametrize("kind", list(PNG))
def test_what_is_read_once_is_what_the_model_is_fed(
    kind: str, size: tuple[int, int], color_mode: str
) -> None:
    """Images decoded while the inventory has them open equal those that are decoded later."""
    decoding = Decoding(size, color_mode, "stretch")
    contents = read_contents(PNG[kind], max_pixels=LIMIT)
    image = decode_image(PNG[kind], decoding, max_pixels=LIMIT)
    np.testing.assert_array_equal(decoding.fit_contents(contents), image)


@pytest.mark.parametrize("kind", list(PNG))
def test_only_plain_files_are_decoded_without_pillow(kind: str) -> None:
    """Transparency, metadata, animations and other depths need more than pixels."""
    is_plain = kind in {"gray", "colours", "one pixel", "resolution", "several chunks"}
    assert (decode_plain_png(PNG[kind], LIMIT) is not None) is is_plain


def test_an_image_of_too_many_pixels_is_left_to_pillow() -> None:
    """It is refused there, with the reason."""
    assert decode_plain_png(PNG["gray"], 29 * 23 - 1) is None
    with pytest.raises(ValueError, match=r"declares 29 x 23 pixels, more than data\.max_pixels"):
        read_contents(PNG["gray"], max_pixels=29 * 23 - 1)


def damaged(data: bytes, random: np.random.Generator) -> Iterator[bytes]:
    """Yield a file with single bits turned, an early end, and foreign bytes within."""
    for _ in range(DAMAGES):
        place = int(random.integers(len(data)))
        yield data[:place] + bytes([data[place] ^ (1 << random.integers(8))]) + data[place + 1 :]
        yield data[:place]
        yield data[:place] + random.bytes(int(random.integers(1, 20))) + data[place:]


@pytest.mark.parametrize("data", [PNG["gray"], PNG["colours"], JPEG["gray"], JPEG["restarts"]])
def test_a_damaged_file_is_read_as_pillow_reads_it(data: bytes) -> None:
    """Both refuse it, or both decode it to the same pixels."""
    readable = sum(assert_as_pillow(each) for each in damaged(data, np.random.default_rng(3)))
    assert 0 < readable < 3 * DAMAGES
