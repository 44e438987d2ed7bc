"""A version goes in; its probabilities of its test images come out, as they were kept.

They outlive the model's file: a champion that can't be loaded any more is compared by them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tasks.evaluation.answers import PROBABILITIES_FILE, read_probabilities
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.registry.mlflow_store import ModelStore

TAG = "pixelgate.probabilities"
EVIDENCE = f"evaluation/{PROBABILITIES_FILE}"

log = logging.getLogger("pixelgate")


def tag_of_probabilities(evidence: Path) -> dict[str, str]:
    """Return the tag with the hash of a run's probabilities; empty where it has none.

    Args:
        evidence: folder of the run.
    """
    file = evidence / EVIDENCE
    return {TAG: file_digest(file)} if file.exists() else {}


def kept_probabilities(store: ModelStore, version: str) -> pd.DataFrame | None:
    """Return the probabilities that a version gave its test images, by content.

    Args:
        store: of the model.
        version: its number.

    Returns:
        One row per image, its SHA-256 as index, a float32 column per class; None if they are not
        kept, or not as they were written.
    """
    registered = store.client.get_model_version(store.home.name, version)
    expected = registered.tags.get(TAG)
    file = store.evidence(str(registered.run_id), EVIDENCE) if expected else None
    if file is None:
        return None
    if file_digest(file) != expected:
        log.warning("%s is not used: its content changed since it was registered", file)
        return None
    return read_probabilities(file)
