"""What is known of an export: its record, its file's or folder's name, and the tag of its hash."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from pathlib import Path

ONNX, LITERT, LITERT_INT8, SAVED_MODEL = "onnx", "litert", "litert_int8", "saved_model"
NAMES = {
    ONNX: "model.onnx",
    LITERT: "model.tflite",
    LITERT_INT8: "model_int8.tflite",
    SAVED_MODEL: "saved_model",
}
# The folder among the files of a version, and the file of records in it.
EXPORTS, RECORDS = "exports", "exports.json"


@dataclass(frozen=True)
class Export:
    """One format of a model, and what was verified.

    Attributes:
        format: onnx, litert, litert_int8 or saved_model.
        file: name in the folder of exports; empty if it was not kept.
        sha256: of the file; of all files together if it is a folder.
        size: bytes.
        images: test images it was compared with the Keras model on.
        difference: largest difference of a probability.
        agreement: share of these images whose class is the same.
        seconds: to make and to verify it.
        failure: why it was not kept; empty if it was.
    """

    format: str
    file: str = ""
    sha256: str = ""
    size: int = 0
    images: int = 0
    difference: float = 0.0
    agreement: float = 0.0
    seconds: float = 0.0
    failure: str = ""

    def as_dict(self) -> dict[str, str | int | float]:
        """Return plain values, for JSON."""
        return asdict(self)


def tag_of(kind: str) -> str:
    """Return the tag of a version that holds the hash of its export of this format."""
    return f"pixelgate.export.{kind}"


def read_exports(folder: Path) -> list[Export]:
    """Return the records in a folder of exports; none if there is no such folder."""
    file = folder / RECORDS
    return [Export(**record) for record in read_json(file)] if file.exists() else []
