"""The columns of an inventory, named once for every stage, and the fingerprint over them."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PATH = "path"
SPLIT = "split"
LABEL = "label"
FORMAT = "format"
MODE = "mode"
HEIGHT = "height"
WIDTH = "width"
CHANNELS = "channels"
BYTES = "bytes"
MTIME_NS = "mtime_ns"
SHA256 = "sha256"
ERROR = "error"
BRIGHTNESS = "brightness"
CONTRAST = "contrast"
SHARPNESS = "sharpness"
ENTROPY = "entropy"
ASPECT = "aspect"
BIT_DEPTH = "bit_depth"
VALUE_LOW = "value_low"
VALUE_HIGH = "value_high"
FRAMES = "frames"
ORIENTATION = "orientation"
FORMAT_MATCHES_EXTENSION = "format_matches_extension"
DAMAGE = "damage"
PERCEPTUAL_HASH = "perceptual_hash"
PIXEL_HASH = "pixel_hash"
THUMBNAIL = "thumbnail"
GROUP = "group"
# The group that the user declares; that of duplicates is found.
SIBLINGS = "siblings"

FILE_COLUMNS = (FORMAT, MODE, HEIGHT, WIDTH, CHANNELS, BYTES, MTIME_NS, SHA256, ERROR)
FEATURE_COLUMNS = (
    BRIGHTNESS,
    CONTRAST,
    SHARPNESS,
    ENTROPY,
    ASPECT,
    BIT_DEPTH,
    VALUE_LOW,
    VALUE_HIGH,
    FRAMES,
    ORIENTATION,
    FORMAT_MATCHES_EXTENSION,
    DAMAGE,
    PERCEPTUAL_HASH,
    PIXEL_HASH,
    THUMBNAIL,
)
# Read from the file itself, and so cached per file; the other columns depend on the whole folder.
IMAGE_COLUMNS = (*FILE_COLUMNS, *FEATURE_COLUMNS)
COLUMNS = (PATH, SPLIT, LABEL, SIBLINGS, GROUP, *IMAGE_COLUMNS)
# Nullable integers: a file that can't be read has no height, and a float would lose nanoseconds.
DTYPES = {
    PATH: "str",
    SPLIT: "str",
    LABEL: "str",
    SIBLINGS: "str",
    GROUP: "str",
    FORMAT: "str",
    MODE: "str",
    HEIGHT: "Int32",
    WIDTH: "Int32",
    CHANNELS: "Int8",
    BYTES: "Int64",
    MTIME_NS: "Int64",
    SHA256: "str",
    ERROR: "str",
    BRIGHTNESS: "float32",
    CONTRAST: "float32",
    SHARPNESS: "float32",
    ENTROPY: "float32",
    ASPECT: "float32",
    BIT_DEPTH: "Int8",
    # Only of images of more than 8 bits. In double precision, as 32-bit integers need it.
    VALUE_LOW: "float64",
    VALUE_HIGH: "float64",
    FRAMES: "Int32",
    ORIENTATION: "Int8",
    FORMAT_MATCHES_EXTENSION: "boolean",
    DAMAGE: "str",
    PERCEPTUAL_HASH: "str",
    PIXEL_HASH: "str",
    THUMBNAIL: "binary[pyarrow]",
}

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
# The names of splits in common use, compared without regard to case.
SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def readable(inventory: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose file decodes and has a label."""
    return inventory[inventory[ERROR].isna() & inventory[LABEL].notna()]


def counts_by_split(inventory: pd.DataFrame) -> pd.DataFrame:
    """Return the number of rows per label (down) and split (across)."""
    counts = inventory.pivot_table(index=LABEL, columns=SPLIT, values=PATH, aggfunc="count")
    return counts.reindex(columns=list(SPLITS)).fillna(0).astype("int64")


# Rows of which a text is made for the hash.
HASHED_AT_ONCE = 10_000


def fingerprint(inventory: pd.DataFrame) -> str:
    """Return a hash of every row's path, label, split and content: the version of the data set.

    Args:
        inventory: rows sorted by path, as `take_inventory` returns them.

    Returns:
        64 hexadecimal digits (SHA-256).
    """
    values = [inventory[column].fillna("").tolist() for column in (PATH, LABEL, SPLIT, SHA256)]
    # The separators keep ("ab", "c") and ("a", "bc") apart.
    rows = map("\x1f".join, zip(*values, strict=True))
    hasher = hashlib.sha256()
    # In blocks: a call for each row takes seven times as long, all rows at once much memory.
    while block := list(itertools.islice(rows, HASHED_AT_ONCE)):
        hasher.update(("\x1e".join(block) + "\x1e").encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()
