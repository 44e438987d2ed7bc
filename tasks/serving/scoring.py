"""New images and the champion go in; predictions as Parquet, and how they drifted, come out."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.evaluation.answers import PREDICTED, PROBABILITY
from tasks.inventory.columns import ERROR, LABEL, readable
from tasks.inventory.reading import read_files
from tasks.registry.version_diff import evidence_tables
from tasks.serving.answering import open_champion
from tasks.serving.expected_accuracy import ExpectedAccuracy, expect_accuracy
from tasks.serving.given_files import expand_given, refuse_all_missing
from tasks.serving.predictor import answer_files
from tasks.serving.score_drift import (
    LEAST,
    MEASURES,
    accuracy_check,
    answer_checks,
    input_checks,
)
from tasks.storage.atomic import write_json, write_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.schema import RetrainConfig
    from tasks.registry.mlflow_store import ModelStore
    from tasks.runs.check import Check
    from tasks.serving.given_files import GivenFile

VERSION = "model_version"
PREDICTIONS, SCORE = "predictions.parquet", "score.json"

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Score:
    """The champion's answers to new images, and how they compare with what is known of it.

    Attributes:
        version: of the registered model that answered.
        predictions: Parquet with path, predicted, probability, note, error, the measures of the
            image and model_version; one row per file.
        images: how many were answered.
        unreadable: files that could not be read.
        checks: of drift and of the expected accuracy; empty where there is nothing to compare with.
        expected: accuracy; None where no answers to labelled images are kept, or too few images.
    """

    version: str
    predictions: Path
    images: int
    unreadable: int
    checks: tuple[Check, ...]
    expected: ExpectedAccuracy | None

    @property
    def drifted(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.success)

    @property
    def message(self) -> str:
        """The score in one line."""
        parts = [f"{self.images} images answered by version {self.version}"]
        if self.unreadable:
            parts.append(f"{self.unreadable} files can't be read")
        if self.expected is not None:
            parts.append(
                f"expected accuracy {self.expected.value:.4f}"
                f" ({self.expected.low:.4f} to {self.expected.high:.4f})"
            )
        if self.drifted:
            parts.append("differs in " + ", ".join(check.rule for check in self.drifted))
        else:
            parts.append("no drift found" if self.checks else "nothing to compare with")
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "model_version": self.version,
            "predictions": self.predictions.name,
            "images": self.images,
            "unreadable": self.unreadable,
            "message": self.message,
            "expected_accuracy": None if self.expected is None else asdict(self.expected),
            "checks": [check.model_dump() for check in self.checks],
        }


def score_images(images: Sequence[Path], store: ModelStore, config: RetrainConfig) -> Score:
    """Predict new images, and compare them and the answers with what the champion is known by.

    Args:
        images: image files, and folders whose images are predicted.
        store: of the model.
        config: the data, gate and promotion parts, the seed and home, which gets the files.

    Raises:
        UsageError: not one of the paths exists.
        NoChampionError: no model is in production.
    """
    refuse_all_missing(images)
    files = expand_given(images)
    model = open_champion(store)
    table = answer_files(files, model, max_pixels=config.data.max_pixels)
    table = table.join(_measure(files, table, config)).assign(**{VERSION: model.version})
    checks, expected = _compare(table, store, model.version, config)
    folder = _new_folder(config)
    score = Score(
        version=model.version,
        predictions=write_parquet(folder / PREDICTIONS, table),
        images=int(table[ERROR].isna().sum()),
        unreadable=int(table[ERROR].notna().sum()),
        checks=checks,
        expected=expected,
    )
    write_json(folder / SCORE, config.paths.stored(score.as_dict()))
    log.info("%s", score.message)
    return score


def _measure(
    files: Sequence[GivenFile], table: pd.DataFrame, config: RetrainConfig
) -> pd.DataFrame:
    """Return the measures of each image that was answered, by its row."""
    rows = table.index[table[ERROR].isna()]
    paths = pd.Series([str(files[row].path.absolute()).lstrip("/") for row in rows], index=rows)
    sizes = pd.Series([files[row].path.stat().st_size for row in rows], index=rows, dtype="int64")
    if not len(rows):
        return pd.DataFrame(index=rows, columns=list(MEASURES), dtype="float64")
    measured = read_files(Path("/"), paths, sizes, config.data)()
    return measured[list(MEASURES)].astype("float64")


def _compare(
    table: pd.DataFrame, store: ModelStore, version: str, config: RetrainConfig
) -> tuple[tuple[Check, ...], ExpectedAccuracy | None]:
    answered = table[table[ERROR].isna()]
    inventory, answers = evidence_tables(store, version)
    checks: list[Check] = []
    if inventory is not None:
        checks += input_checks(readable(inventory), answered, config.gate)
    if answers is None:
        log.warning("version %s keeps no answers to its test images to compare with", version)
        return tuple(checks), None
    checks += answer_checks(answers, answered)
    if min(len(answers), len(answered)) < LEAST:
        return tuple(checks), None
    right = answers[PREDICTED].astype("str") == answers[LABEL].astype("str")
    expected = expect_accuracy(
        answers[PROBABILITY].to_numpy(),
        right.to_numpy(),
        answered[PROBABILITY].to_numpy("float64"),
        seed=config.seed,
    )
    checks.append(accuracy_check(expected, config.promotion.margin))
    return tuple(checks), expected


def _new_folder(config: RetrainConfig) -> Path:
    # The random part separates two scorings that start in the same second.
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = config.paths.scores / f"{moment}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    return folder
