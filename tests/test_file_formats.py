"""Which files are images: told by their content where the name doesn't say."""

from __future__ import annotations

import io
import os
import struct
from typing import TYPE_CHECKING

import pytest

from tasks.inventory import image_formats
from tasks.inventory.image_file import read_images
from tasks.inventory.image_formats import PLUGINS, signature_of, suffix_of
from tasks.inventory.jpeg_xl import declared_size
from tasks.inventory.listing import holds_many, list_files
from tests.image_trees import draw_image

if TYPE_CHECKING:
    from pathlib import Path

SAVED_AS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "JPEG2000", "AVIF")
PLUGGED_IN = ("HEIF", "JXL")


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the packages that teach Pillow further formats."""
    monkeypatch.setattr(image_formats, "_is_installed", lambda _: False)


def image_bytes(kind: str, size: tuple[int, int] = (32, 32)) -> bytes:
    """Return an image file of a format."""
    for plugin in PLUGINS:
        plugin.register()
    buffer = io.BytesIO()
    draw_image(0, 0, size=size, mode="RGB").save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", SAVED_AS + PLUGGED_IN)
@pytest.mark.parametrize("name", ["IMG_1", "photo.jpg_large", "x.0001", "photo.heic", "photo.php"])
def test_an_image_is_told_by_its_content(tmp_path: Path, kind: str, name: str) -> None:
    """No extension, an unknown one, or a wrong one: what Pillow reads is an image."""
    data = image_bytes(kind)
    assert signature_of(data[:32]) == kind
    (tmp_path / name).write_bytes(data)
    assert list_files(tmp_path).paths == [name]
    row = read_images(str(tmp_path), [name], max_pixels=10_000)[0]
    assert (row["error"], row["format"], row["width"]) == (None, kind, 32)
    # Nothing is promised by a name without an extension.
    assert row["format_matches_extension"] is (
        name == "IMG_1" or (kind, suffix_of(name)) == ("HEIF", ".heic")
    )


@pytest.mark.usefixtures("no_plugins")
@pytest.mark.parametrize(
    ("kind", "name", "package"),
    [
        ("HEIF", "IMG_1.HEIC", "pillow-heif"),
        ("HEIF", "IMG_1", "pillow-heif"),
        ("JXL", "a.jxl", "jxl"),
    ],
)
def test_a_format_that_needs_a_package_names_it(
    tmp_path: Path, kind: str, name: str, package: str
) -> None:
    """Passed over by its own name, or unreadable under another: the remedy is the same."""
    data = image_bytes(kind)
    (tmp_path / name).write_bytes(data)
    (tmp_path / "misnamed.jpg").write_bytes(data)
    listing = list_files(tmp_path)
    assert (listing.paths, listing.passed_over) == (["misnamed.jpg"], [name])
    assert package in listing.reasons[0]
    assert "pip install" in listing.reasons[0]
    image_formats_cached = read_images(str(tmp_path), ["misnamed.jpg"], max_pixels=10_000)
    assert image_formats_cached[0]["error"] == listing.reasons[0]


@pytest.mark.usefixtures("no_plugins")
def test_a_phone_photo_that_is_only_named_heic_is_read(tmp_path: Path) -> None:
    """Many a .HEIC is a JPEG."""
    (tmp_path / "IMG_1.HEIC").write_bytes(image_bytes("JPEG"))
    assert list_files(tmp_path).paths == ["IMG_1.HEIC"]


def test_what_is_no_image_is_passed_over_with_the_reason(tmp_path: Path) -> None:
    """Texts, raw photographs, rubbish and pipes; system files count as hidden."""
    (tmp_path / "README").write_text("Pictures of cats")
    (tmp_path / "notes.txt").write_text("cats")
    (tmp_path / "weights.bin").write_bytes(bytes(range(64)))
    (tmp_path / "nothing").touch()
    (tmp_path / "more.zip").write_bytes(b"PK")
    (tmp_path / "clip.MP4").write_bytes(b"\0\0\0\x18ftypisom")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    (tmp_path / "mnist.npz").write_bytes(b"PK")
    (tmp_path / "raw.nef").write_bytes(image_bytes("TIFF"))
    (tmp_path / "logo.psd").write_bytes(b"8BPS\0\1")
    os.mkfifo(tmp_path / "pipe")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._1.jpg"):
        (tmp_path / name).write_bytes(b"\0")
    for name in ("__MACOSX", "@eaDir", ".ipynb_checkpoints"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(image_bytes("JPEG"))
    listing = list_files(tmp_path)
    assert dict(zip(listing.passed_over, listing.reasons, strict=True)) == {
        "README": "a text, not an image",
        "clip.MP4": "a video; export its frames as images",
        "logo.psd": "in a format that isn't read; export it as PNG",
        "mnist.npz": "arrays or records; export what is in it as images",
        "more.zip": "an archive; unpack it",
        "nothing": "an empty file",
        "scan.pdf": "a document; export its pages as images",
        "notes.txt": "not an image in any known format",
        "pipe": "not a regular file",
        "raw.nef": "a raw photograph; export it as JPEG or PNG",
        "weights.bin": "not an image in any known format",
    }
    assert (listing.paths, listing.hidden) == ([], 5)
    assert listing.system_folders == {"__MACOSX", "@eaDir"}


def test_only_files_whose_name_leaves_it_open_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing 70,000 images and their annotations must not read any of them."""
    for name in ("1.png", "1.txt", "1.xml", "1.json", "2.JPG", "3"):
        (tmp_path / name).write_bytes(image_bytes("PNG"))
    opened: list[str] = []
    read_header = image_formats.read_header

    def watched(file: str) -> bytes | None:
        opened.append(file)
        return read_header(file)

    monkeypatch.setattr(image_formats, "read_header", watched)
    assert list_files(tmp_path).paths == ["1.png", "2.JPG", "3"]
    assert opened == [str(tmp_path / "3")]


def test_leave_out_holds_for_files_and_folders(tmp_path: Path) -> None:
    """By name or relative path, with wildcards."""
    for path in ("cat/1.png", "cat/1_mask.png", "masks/1.png", "dog/masks/1.png", "dog/1.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert list_files(tmp_path, ["*_mask.png", "dog/masks"]).paths == [
        "cat/1.png",
        "dog/1.png",
        "masks/1.png",
    ]
    assert list_files(tmp_path, ["masks", "cat/"]).paths == ["dog/1.png"]


def test_files_are_counted_only_up_to_a_number(tmp_path: Path) -> None:
    """In all folders together; one that can't be read is none of this function's business."""
    for path in ("cat/1.png", "cat/2.png", "dog/deep/1.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert holds_many(tmp_path, 3)
    assert not holds_many(tmp_path, 4)
    assert not holds_many(tmp_path / "missing", 1)


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (77, 33), (1080, 1920), (1, 700), (3, 9000)])
def test_a_jpeg_xl_bomb_is_not_expanded(tmp_path: Path, size: tuple[int, int]) -> None:
    """Its plug-in expands an image at once, so the size is read before: bare or in a box."""
    data = image_bytes("JXL", size)
    height, width = size
    box = struct.pack(">I4s", len(data) + 8, b"jxlc") + data
    boxed = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 16, b"ftyp") + b"jxl \0\0\0\0" + box
    assert declared_size(data) == declared_size(boxed) == (width, height)
    (tmp_path / "bomb.jxl").write_bytes(boxed)
    row = read_images(str(tmp_path), ["bomb.jxl"], max_pixels=height * width - 1)[0]
    assert f"declares {width} x {height} pixels" in row["error"]
    for cut in (2, 12, 20, len(boxed) - 10):
        (tmp_path / "bomb.jxl").write_bytes(boxed[:cut])
        assert read_images(str(tmp_path), ["bomb.jxl"], max_pixels=10**9)[0]["error"]
