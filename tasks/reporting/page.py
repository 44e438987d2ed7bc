"""A run's evidence goes in; report.html, one self-contained page, comes out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.reporting.gallery import add_thumbnails, build_gallery
from tasks.reporting.gallery_files import leave_gallery
from tasks.runs.run_folder import (
    CHAMPION_EVALUATION,
    EVALUATION,
    TRAINING,
    VERDICT,
    stored_settings,
)
from tasks.storage.atomic import atomic_write, read_json
from tasks.validation.evidence import DATA_DOCS, MOVES_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.runs.run_folder import Run
    from tasks.runs.summary import RunSummary

FIGURES = {
    "classes": ("previews/classes.png", "Images per class"),
    "sizes": ("previews/sizes.png", "Heights and widths"),
    "samples": ("previews/samples.png", "Samples of each class"),
    "augmented": ("previews/augmented.png", "The same samples, augmented"),
    "history": ("model/history.png", "Training"),
    "confusion": ("evaluation/confusion.png", "Confusion matrix of the test split"),
    "reliability": ("evaluation/reliability.png", "How often answers of a confidence are right"),
    "mistakes": ("evaluation/mistakes.png", "Worst mistakes, the most confident first"),
    "seen": ("evaluation/seen.png", "Where the model saw the class it named (Grad-CAM)"),
}
MOVES_SHOWN = 50
FLIPS_SHOWN = 24
# Of an evaluation; accuracy is shown at the top of the page.
MEASURES = {
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "top_3": "label among the first 3",
    "top_5": "label among the first 5",
    "log_loss": "log loss",
    "brier": "Brier score",
    "roc_auc": "area under the ROC curve",
    "pr_auc": "area under the precision-recall curve",
    "calibration_error": "expected calibration error",
    "robust_accuracy": "accuracy on corrupted images",
}


def write_report(run: Run, summary: RunSummary) -> Path:
    """Write report.html from the evidence the stages left; the page omits what is missing.

    Args:
        run: its folder holds the evidence.
        summary: as `write_summary` returned it.
    """
    # File names and labels come from the data, so everything is escaped.
    environment = Environment(
        loader=PackageLoader("tasks.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    home = run.config.paths
    verdict = _optional(run.directory / VERDICT) or {}
    champion = _optional(run.directory / CHAMPION_EVALUATION) or {}
    gallery, flips = _gallery(run, verdict), _flips(run)
    leave_gallery(run.directory, gallery, flips)
    page = environment.get_template("report.html.j2").render(
        summary=summary.model_copy(update={"message": home.stored(summary.message)}),
        evidence=home.stored(run.directory),
        headline=summary.outcome.headline,
        figures=_figures(run.directory),
        evaluation=_optional(run.directory / EVALUATION),
        champion=champion,
        slices_before=_slices(champion),
        robust_before=_robustness(champion),
        measures=MEASURES,
        training=_optional(run.directory / TRAINING),
        data_docs=verdict and "validation/" + DATA_DOCS,
        gallery=gallery,
        newly_wrong=flips.get("newly_wrong", []),
        moves=_moves(run.validation / MOVES_FILE),
        baseline=verdict.get("baseline"),
        config=stored_settings(run.config),
    )
    with atomic_write(run.report) as temporary:
        temporary.write_text(page, "utf-8")
    return run.report


def _gallery(run: Run, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    root = _data_root(run)
    if root is None:
        return []
    return build_gallery(
        verdict.get("findings", []),
        run.directory / "validation",
        root=root,
        max_pixels=run.config.data.max_pixels,
    )


def _flips(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Return the images that only one of both models classifies correctly, with thumbnails."""
    new, champion = (
        (run.directory / name).with_suffix(".parquet") for name in (EVALUATION, CHAMPION_EVALUATION)
    )
    root = _data_root(run)
    if root is None or not (new.exists() and champion.exists()):
        return {}
    # Imported where two models are compared, as SciPy's statistics take a second.
    from tasks.model_gate.class_rules import newly_wrong

    items = {
        "newly_wrong": _wrong_items(newly_wrong(new, champion), "taken for"),
        "newly_right": _wrong_items(newly_wrong(champion, new), "the champion took it for"),
    }
    add_thumbnails([*items["newly_wrong"], *items["newly_right"]], root, run.config.data.max_pixels)
    return items


def _wrong_items(rows: pd.DataFrame, words: str) -> list[dict[str, Any]]:
    return [
        {"path": row.path, "value": f"{row.label}, {words} {row.predicted}"}
        for row in rows.head(FLIPS_SHOWN).itertuples()
    ]


def _data_root(run: Run) -> Path | None:
    directory = run.config.data.directory or run.config.data.manifest
    return directory if directory is None or directory.is_dir() else directory.parent


def _slices(evaluation: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Return the accuracy of each slice, by property and value."""
    slices = evaluation.get("slices", ())
    return {(row["property"], row["value"]): row["accuracy"] for row in slices}


def _robustness(evaluation: Mapping[str, Any]) -> dict[tuple[str, int], float]:
    """Return the accuracy under each corruption, by its name and severity."""
    rows = evaluation.get("robustness", ())
    return {(row["corruption"], row["severity"]): row["accuracy"] for row in rows}


def _moves(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    moves = pd.read_parquet(file)
    # Relabelled files first: they are few, and each changes what a model learns.
    order = moves["change"].map({"relabelled": 0, "changed": 1, "removed": 2}).fillna(3)
    shown = moves.iloc[order.argsort(kind="stable")].head(MOVES_SHOWN).fillna("")
    return [{str(key): value for key, value in row.items()} for row in shown.to_dict("records")]


def _optional(file: Path) -> Any:
    return read_json(file) if file.exists() else None


def _figures(directory: Path) -> dict[str, dict[str, str]]:
    return {
        name: {
            "title": title,
            "url": "data:image/png;base64,"
            + base64.b64encode((directory / path).read_bytes()).decode(),
        }
        for name, (path, title) in FIGURES.items()
        if (directory / path).exists()
    }
