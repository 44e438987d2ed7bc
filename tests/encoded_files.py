"""Files of every format and kind that a SavedModel decodes, by name, and some that it refuses."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from tests.raw_files import png_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIENTATION = 0x0112
RANDOM = np.random.default_rng(0)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def drawn(height: int, width: int, mode: str = "RGB") -> Image.Image:
    """Return an image with slopes and noise, which no decoder gets right by chance."""
    rows, columns = np.mgrid[:height, :width]
    slopes = [5 * columns, 3 * rows + columns, rows * columns, 9 * rows]
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.stack(slopes[:bands], axis=-1) + RANDOM.integers(0, 60, (height, width, bands))
    pixels = (values % 256).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if bands == 1 else pixels).convert(mode)


def files_of_every_kind() -> dict[str, bytes]:
    """Return files of several sizes, in every format, with and without transparency."""
    files: dict[str, bytes] = {}
    for height, width in ((31, 17), (16, 40), (1, 9), (200, 151)):
        image = drawn(height, width)
        palette = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=40)
        kinds = dict(_opaque(image)) | dict(_transparent(image, palette)) | dict(_deep(image.size))
        files |= {f"{name} {height}x{width}": data for name, data in kinds.items()}
    return files


def _opaque(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"jpeg {sampling}", encoded(image, "JPEG", subsampling=sampling)
    yield "jpeg progressive", encoded(image, "JPEG", progressive=True)
    for mode in ("1", "L", "P", "RGB"):
        for kind in ("PNG", "BMP", "GIF", "WEBP"):
            yield f"{kind} {mode}", encoded(image.convert(mode), kind)
    yield "jpeg gray", encoded(image.convert("L"), "JPEG")
    yield "webp lossless", encoded(image, "WEBP", lossless=True)
    yield "gif animated", encoded(image, "GIF", save_all=True, append_images=[image.rotate(180)])
    for bits in (1, 2, 4):
        few = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=2**bits)
        yield f"png {bits} bits", encoded(few, "PNG", bits=bits)


def _transparent(image: Image.Image, palette: Image.Image) -> Iterator[tuple[str, bytes]]:
    gray = image.convert("L")
    for mode in ("RGBA", "LA"):
        yield f"png {mode}", encoded(drawn(image.height, image.width, mode), "PNG")
    yield "webp RGBA", encoded(drawn(image.height, image.width, "RGBA"), "WEBP")
    for color in (0, 3, 200):
        yield f"gif without {color}", encoded(palette, "GIF", transparency=color)
        yield f"gray gif without {color}", encoded(gray, "GIF", transparency=color)
        yield f"png without {color}", encoded(palette, "PNG", transparency=color)
    yield "png palette with opacities", encoded(palette, "PNG", transparency=bytes(range(0, 80, 2)))
    first = image.getpixel((0, 0))
    yield "png without a colour", encoded(image, "PNG", transparency=first)
    yield "png without a gray", encoded(gray, "PNG", transparency=gray.getpixel((0, 0)))
    yield "png without white", encoded(image.convert("1"), "PNG", transparency=1)


def _deep(size: tuple[int, int]) -> Iterator[tuple[str, bytes]]:
    for channels in (1, 2, 3, 4):
        yield (
            f"png of 16 bits, {channels}",
            png_of(RANDOM.integers(0, 2**16, (*size[::-1], channels), np.uint16)),
        )


def files_on_their_side() -> dict[str, bytes]:
    """Return files whose EXIF or XMP say how they were held: all eight ways, and damaged ones."""
    image = drawn(31, 17)
    files = {"garbage": encoded(image, "JPEG", exif=b"Exif\0\0garbage")}
    for value in range(10):
        exif = Image.Exif()
        exif[0x010F], exif[ORIENTATION] = "a maker", value
        little = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", ORIENTATION, 4, 1, value)
        big = b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHH", ORIENTATION, 3, 1, value, 0)
        xmp = f'<x:xmpmeta tiff:Orientation="{value}"/>'.encode()
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        files |= {f"{kind} {value}": encoded(image, kind, exif=exif) for kind in ("PNG", "WEBP")}
        files |= {
            # Behind a colour profile, far into the file.
            f"jpeg {value}": encoded(image, "JPEG", exif=exif, icc_profile=bytes(150_000)),
            f"jpeg, little endian {value}": encoded(image, "JPEG", exif=b"Exif\0\0" + little),
            f"jpeg, big endian {value}": encoded(image, "JPEG", exif=b"Exif\0\0" + big),
            f"jpeg, cut {value}": encoded(image, "JPEG", exif=b"Exif\0\0" + big[:15]),
            f"jpeg, XMP {value}": encoded(image, "JPEG", xmp=xmp),
            f"webp, XMP {value}": encoded(image, "WEBP", xmp=xmp),
            f"png, XMP {value}": encoded(image, "PNG", pnginfo=text),
        }
    return files


def refused_files() -> dict[str, bytes]:
    """Return files that TensorFlow would decode otherwise than Pillow, or not at all."""
    image = drawn(9, 13)
    animation: dict[str, Any] = {"save_all": True, "append_images": [image.rotate(180)]}
    packed = bytearray(encoded(image.convert("P"), "BMP"))
    packed[30] = 1
    return {
        "a JPEG in CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "an animated WebP": encoded(image, "WEBP", **animation),
        "only BMP without compression": bytes(packed),
        "not an image that can be read here": encoded(image, "TIFF"),
        "a JPEG, PNG, GIF, BMP or WebP": b"",
    }
