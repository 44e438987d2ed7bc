"""Which files are images: by their names, by their first bytes, and by what can be decoded here.

Imports nothing but the standard library, so that listing a folder and starting a worker are fast.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import stat
from dataclasses import dataclass

# The formats of image data sets. Pillow opens more, but some of those run other programs (EPS) or
# hold documents rather than images.
IMAGE_FORMATS = (
    "PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000",
    "AVIF", "HEIF", "JXL",
)  # fmt: skip
IMAGE_SUFFIXES = frozenset(
    (
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".tif",
        ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".jp2", ".j2k", ".jpx",
        ".avif",
    )
)  # fmt: skip
# Names that decide without a look at the content: what lies beside images in many data sets.
OTHER_SUFFIXES = frozenset(
    (
        ".txt", ".md", ".rst", ".html", ".htm", ".pdf", ".doc", ".docx", ".rtf", ".csv", ".tsv",
        ".xls", ".xlsx", ".parquet", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini",
        ".cfg", ".names", ".log", ".py", ".ipynb", ".sh", ".bat", ".m", ".c", ".cpp", ".js", ".css",
        ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".npy", ".npz", ".mat", ".h5",
        ".hdf5", ".pkl", ".pth", ".pt", ".onnx", ".keras", ".tfrecord", ".lmdb", ".db", ".sqlite",
        ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mp3", ".wav", ".lnk", ".url", ".exe", ".sha256",
        ".md5",
    )
)  # fmt: skip
# Files that operating systems leave in folders; as little of the data as hidden ones.
SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini"))
SYSTEM_FOLDERS = frozenset(
    ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__")
)
# Photographs and drawings that nothing here decodes, by suffix.
UNREAD_SUFFIXES = {
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".nrw", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"),
        "a raw photograph; export it as JPEG or PNG",
    ),
    **dict.fromkeys(
        (".psd", ".xcf", ".svg", ".eps", ".ai", ".exr", ".hdr", ".dcm", ".nii", ".pcx", ".emf"),
        "in a format that isn't read; export it as PNG",
    ),
}
HEADER_BYTES = 32
NO_EXTENSION = "no extension"
NOT_AN_IMAGE = "not an image in any known format"
A_TEXT, EMPTY = "a text, not an image", "an empty file"
NOT_REGULAR = "not a regular file"
DEAD_LINK = "a link that leads nowhere"
ARCHIVE = "an archive; unpack it"
# What to do with files that are no images, but may hold some.
HOLD_IMAGES = {
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"), ARCHIVE),
    **dict.fromkeys(
        (".mp4", ".mov", ".avi", ".mkv", ".webm"), "a video; export its frames as images"
    ),
    **dict.fromkeys((".pdf", ".doc", ".docx"), "a document; export its pages as images"),
    **dict.fromkeys(
        (".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl", ".tfrecord", ".lmdb"),
        "arrays or records; export what is in it as images",
    ),
}
# All other reasons are those of images that can't be read here.
NO_IMAGES = frozenset((NOT_AN_IMAGE, A_TEXT, EMPTY, NOT_REGULAR, *HOLD_IMAGES.values()))


@dataclass(frozen=True)
class Plugin:
    """A package that teaches Pillow a format.

    Attributes:
        format: the name Pillow gives the format.
        title: the name people know it by.
        module: to import.
        package: to install.
        extra: of this project, which names the package.
        suffixes: of such files.
    """

    format: str
    title: str
    module: str
    package: str
    extra: str
    suffixes: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether the package is there."""
        return _is_installed(self.module)

    @property
    def remedy(self) -> str:
        """What a file of this format needs, in words."""
        return (
            f"a {self.title} image, which needs the package {self.package}:"
            f" pip install '{self.package}' (the extra pixelgate[{self.extra}])"
        )

    def register(self) -> None:
        """Teach Pillow the format."""
        module = importlib.import_module(self.module)
        if self.format == "HEIF":
            module.register_heif_opener()


PLUGINS = (
    Plugin(
        "HEIF", "HEIC", "pillow_heif", "pillow-heif", "heic",
        (".heic", ".heif", ".hif", ".heics", ".heifs"),
    ),
    Plugin("JXL", "JPEG XL", "pillow_jxl", "pillow-jxl-plugin", "jxl", (".jxl",)),
)  # fmt: skip
PLUGIN_OF = {plugin.format: plugin for plugin in PLUGINS}
PLUGIN_OF_SUFFIX = {suffix: plugin for plugin in PLUGINS for suffix in plugin.suffixes}

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (b"\xff\x0a", "JXL"),
)
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
# Bytes of text: everything but the control characters that no text file holds.
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def signature_of(header: bytes) -> str | None:
    """Return the format that the first bytes of a file announce, in Pillow's words; or None.

    Args:
        header: the first `HEADER_BYTES` of the file.
    """
    for signature, name in _SIGNATURES:
        if header.startswith(signature):
            return name
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    if header[4:8] == b"ftyp":
        return _iso_media(header)
    # Two letters are too few to go by: the header's length must be one of those in use as well.
    if header[:2] == b"BM" and int.from_bytes(header[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if header[:1] == b"P" and header[1:2] in b"123456" and header[2:3].isspace():
        return "PPM"
    return None


def suffix_of(name: str) -> str:
    """Return a file's suffix in lower case with its dot, or "" where it has none."""
    # A Path for each of a million files is too slow, and so is os.path.
    stem, _, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if stem and suffix else ""


def why_no_image(file: str, suffix: str) -> str | None:
    """Return why a file whose name doesn't say so is no image that can be read; None if it is one.

    Args:
        file: path of the file.
        suffix: of its name, as `suffix_of` returns it.
    """
    header = read_header(file)
    if header is None:
        return NOT_REGULAR
    found = signature_of(header)
    plugin = PLUGIN_OF.get(found or "")
    if plugin is not None:
        return None if plugin.is_installed else plugin.remedy
    # Raw photographs are TIFF files inside, of which only a preview could be read.
    if suffix in UNREAD_SUFFIXES and found in (None, "TIFF"):
        return UNREAD_SUFFIXES[suffix]
    if found:
        return None
    if not header:
        return EMPTY
    return A_TEXT if is_text(header) else NOT_AN_IMAGE


def holds_image(file: str) -> bool:
    """Return whether a file whose name says that it is none holds an image that can be read."""
    found = signature_of(read_header(file) or b"")
    # Too few bytes to go by, as texts may begin like this.
    if found in {None, "PPM", "ICO"}:
        return False
    return found not in PLUGIN_OF or PLUGIN_OF[str(found)].is_installed


def read_header(file: str) -> bytes | None:
    """Return the first bytes of a file, without waiting for a pipe; None if it can't be read."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return os.read(handle, HEADER_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def is_text(header: bytes) -> bool:
    """Return whether the first bytes of a file are those of a text."""
    return bool(header) and len(header.translate(None, _CONTROL)) == len(header)


def plugins_installed() -> list[str]:
    """Return the formats that can be read here beside those of Pillow itself."""
    return [plugin.format for plugin in PLUGINS if plugin.is_installed]


def _iso_media(header: bytes) -> str | None:
    """Return the format of a file of the ISO base media kind, which videos are of too."""
    brands = {header[start : start + 4] for start in range(8, len(header) - 3, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


@functools.cache
def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
