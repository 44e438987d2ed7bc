"""Data, settings and code go in; one hash of everything a result depends on comes out."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.runs.user_source import source_digest
from tasks.runtime.pretrained_weights import CHECKPOINT_SHA256
from tasks.storage.hashing import digest, file_digest

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig
    from tasks.config.training import TrainingConfig

# The parts of the settings a result depends on; the others name folders and receivers.
RECIPE = (
    *("name", "seed", "data", "gate", "generators", "training"),
    *("evaluation", "exports", "promotion", "registry"),
)
# The same images in another folder, or read by more processes, are the same images.
NOT_RECIPE = ("directory", "manifest", "workers")

WEIGHTS, GOLDEN = "weights", "golden_dir"

# They decode, augment, train and save: with others the same recipe gives another model.
LIBRARIES = ("tensorflow", "keras", "pillow", "numpy")


def recipe_key(fingerprint: str, config: RetrainConfig) -> str:
    """Return a hash (64 hexadecimal digits) of everything a result depends on.

    Args:
        fingerprint: of the data.
        config: every setting; those that don't change the result are ignored.
    """
    settings = config.model_dump(mode="json", include=set(RECIPE))
    settings["data"] = {
        name: value for name, value in settings["data"].items() if name not in NOT_RECIPE
    }
    # The same weights in another folder, such as a home that was moved, are the same weights.
    del settings["training"][WEIGHTS], settings["evaluation"][GOLDEN]
    return digest([fingerprint, settings, _contents(config), code_version(), _library_versions()])


def _contents(config: RetrainConfig) -> dict[str, str | None]:
    """Return a hash of everything the settings name: weights and the user's own code and suites."""
    named = [config.training.model, *config.training.callbacks, *config.gate.suites]
    contents = {
        name: _file_digest(Path(name)) if name.endswith(".json") else source_digest(name)
        for name in named
        if ":" in name or name.endswith(".json")
    }
    return contents | _weights(config.training) | _golden(config.evaluation.golden_dir)


def _golden(folder: Path | None) -> dict[str, str | None]:
    if folder is None:
        return {}
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {GOLDEN: digest([[str(each.relative_to(folder)), file_digest(each)] for each in files])}


def _weights(training: TrainingConfig) -> dict[str, str | None]:
    if training.is_pretrained and training.weights is None:
        return {WEIGHTS: CHECKPOINT_SHA256}
    weights = training.weights
    if weights is None:
        return {}
    return {WEIGHTS: _file_digest(weights) if isinstance(weights, Path) else weights}


def _file_digest(file: Path) -> str | None:
    # What is missing is reported by the stage that reads it.
    return file_digest(file) if file.is_file() else None


@functools.cache
def _library_versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


@functools.cache
def code_version() -> str:
    """Return a hash (16 hexadecimal digits) of the source of tasks/ and expectations/.

    The installed version would not change while somebody edits the code.
    """
    tasks = Path(__file__).parents[1]
    hasher = hashlib.sha256()
    for folder in (tasks, tasks.parent / "expectations"):
        for file in sorted(folder.rglob("*.py")):
            hasher.update(file.read_bytes())
    return hasher.hexdigest()[:16]
