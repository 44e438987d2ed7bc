"""A model and its exports go in; the files of a version come out, as MLflow's Keras flavour."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import numpy as np

from tasks.exports.export_record import EXPORTS, read_exports, tag_of
from tasks.registry.champion import CONTRACT, model_file
from tasks.registry.mlflow_store import CHECKSUM_TAG
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.models import ModelSignature

    from tasks.models.contract import InputContract


@dataclass(frozen=True)
class Package:
    """The files of a version.

    Attributes:
        model: .keras file.
        contract: the model's input, and the meaning of its outputs.
        exports: folder of the same model in other formats; None without any.
    """

    model: Path
    contract: InputContract
    exports: Path | None


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the hashes of a saved package's .keras file and of its exports, by their tags."""
    exports = {tag_of(each.format): each.sha256 for each in read_exports(folder / EXPORTS)}
    kept = {tag: sha256 for tag, sha256 in exports.items() if sha256}
    return {CHECKSUM_TAG: file_digest(model_file(folder))} | kept


def save_package(package: Package, folder: Path) -> Path:
    """Save a model as MLflow's Keras flavour, with its signature, contract and exports."""
    import keras
    import mlflow.keras

    mlflow.keras.save_model(
        keras.saving.load_model(package.model),
        str(folder),
        signature=_signature(package.contract),
        metadata={CONTRACT: json.dumps(package.contract.as_dict())},
        pip_requirements=[
            f"keras=={keras.__version__}",
            f"tensorflow=={installed_version('tensorflow')}",
        ],
    )
    if package.exports is not None:
        shutil.copytree(package.exports, folder / EXPORTS)
    return folder


def _signature(contract: InputContract) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    outputs = 1 if contract.class_mode == "binary" else len(contract.classes)
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, *contract.shape), "images")]),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, outputs), "probabilities")]),
    )
