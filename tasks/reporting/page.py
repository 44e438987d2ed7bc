"""The evidence in a run's folder goes in; report.html, one self-contained page, comes out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks import runs
from tasks.evaluation import PREDICTED, PROBABILITY
from tasks.files import read_json, replacing
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import LABEL, PATH
from tasks.reporting.figures import draw_confusion, draw_history, draw_mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.evaluation import Evaluation
    from tasks.generators.recipe import Inputs
    from tasks.runs import Run

FIGURES = {
    "classes": ("previews/classes.png", "Pictures a class"),
    "sizes": ("previews/sizes.png", "Heights and widths"),
    "samples": ("previews/samples.png", "Samples of each class"),
    "augmented": ("previews/augmented.png", "The same samples, augmented"),
    "history": ("model/history.png", "Training"),
    "confusion": ("evaluation/confusion.png", "Confusion matrix of the test split"),
    "mistakes": ("evaluation/mistakes.png", "Worst mistakes, the most confident first"),
}
HEADLINES = {
    "promoted": "Promoted: the new model is in production.",
    "kept_champion": "Champion kept: the new model was no better.",
    "unchanged": "Unchanged: nothing new to learn.",
    "data_rejected": "Data rejected: nothing was trained.",
    "model_rejected": "Model rejected: it did not pass the model gate.",
    "failed": "Failed: the run ended with a fault.",
}


def draw_training(history: Path, folder: Path) -> Path:
    """Draw the history CSV of a training into `folder`."""
    return draw_history(pd.read_csv(history), folder / "history.png")


def draw_evaluation(
    evaluation: Evaluation, mistakes: pd.DataFrame, inputs: Inputs, folder: Path
) -> list[Path]:
    """Draw the confusion matrix and the worst mistakes.

    Args:
        evaluation: of the new model.
        mistakes: rows of path, label, predicted and probability.
        inputs: where the pictures are.
        folder: gets confusion.png and, if there are mistakes, mistakes.png.
    """
    files = [draw_confusion(evaluation.confusion, evaluation.classes, folder / "confusion.png")]
    if mistakes.empty:
        return files
    index = pd.read_parquet(inputs.index, columns=[PATH])
    rows = pd.Index(index[PATH]).get_indexer(pd.Index(mistakes[PATH]))
    captions = [
        f"{label} read as {predicted}\n{probability:.0%}"
        for label, predicted, probability in mistakes[[LABEL, PREDICTED, PROBABILITY]].itertuples(
            index=False
        )
    ]
    return [
        *files,
        draw_mistakes(pixels_of(inputs.pixels, rows), captions, folder / "mistakes.png"),
    ]


def write_report(run: Run, summary: Mapping[str, Any]) -> Path:
    """Write report.html from whatever the stages left; parts that are missing are left out.

    Args:
        run: whose folder holds the evidence.
        summary: as `runs.summarise` returned it.
    """
    environment = Environment(
        loader=PackageLoader("tasks.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        summary=summary,
        headline=HEADLINES[summary["outcome"]],
        figures=_figures(run.directory),
        evaluation=_optional(run.directory / runs.EVALUATION),
        champion=_optional(run.directory / runs.CHAMPION_EVALUATION),
        training=_optional(run.directory / "model/training.json"),
        data_docs=_optional(run.directory / runs.VERDICT) and "validation/" + _data_docs(),
        config=run.config.model_dump(mode="json"),
    )
    with replacing(run.report) as temporary:
        temporary.write_text(page, "utf-8")
    return run.report


def _data_docs() -> str:
    from expectations.checkpoints import DATA_DOCS

    return DATA_DOCS


def _optional(file: Path) -> Any:
    return read_json(file) if file.exists() else None


def _figures(directory: Path) -> dict[str, dict[str, str]]:
    return {
        name: {
            "title": title,
            "url": "data:image/png;base64,"
            + base64.b64encode((directory / place).read_bytes()).decode(),
        }
        for name, (place, title) in FIGURES.items()
        if (directory / place).exists()
    }
