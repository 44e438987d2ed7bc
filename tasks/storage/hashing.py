"""Hashes of files and of plain values."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def file_digest(path: Path) -> str:
    """Return the SHA-256, in hexadecimal, of a file."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digest(content: Any) -> str:
    """Return the SHA-256, in hexadecimal, of `content` written as canonical JSON."""
    # Sorted keys: equal content must have an equal hash, in whatever order it was put together.
    canonical = json.dumps(content, sort_keys=True, default=plain)
    return hashlib.sha256(canonical.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Turn NumPy numbers and paths into what JSON can hold."""
    return value.item() if hasattr(value, "item") else str(value)
