"""A run's evidence goes in; the model card of its version comes out, in Markdown and HTML.

The Markdown begins with the YAML head of the Hugging Face Hub, so that the folder of a version can
be published as it is; the metrics in it are the format's `model-index`.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from scipy.stats import binomtest

from tasks.errors import UsageError
from tasks.inventory.columns import LABEL, SPLIT, SPLITS
from tasks.registry.by_hand import find_version
from tasks.registry.registration import provenance_of
from tasks.runs.run_folder import (
    CARD,
    CARD_PAGE,
    CHAMPION_EVALUATION,
    EVALUATION,
    FACTS,
    REGISTRATION,
    TRAINING,
    VERDICT,
    read_evidence,
    stored_settings,
)
from tasks.storage.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tasks.exports.export_record import Export
    from tasks.generators.inputs import Inputs
    from tasks.registry.mlflow_store import ModelStore
    from tasks.registry.registration import Candidate
    from tasks.runs.run_folder import Run

CONFUSIONS_SHOWN = 5
# With fewer test images of a class its recall says little.
FEW_IMAGES = 30
log = logging.getLogger("pixelgate")

# What Markdown reads as more than text: anywhere, and at the beginning of a line.
PUNCTUATION = re.compile(r"([\\`*_\[\]<>#|~&$])")
LIST_ITEM = re.compile(r"^(\d*)([-+.)])")


@dataclass(frozen=True)
class Version:
    """What is registered, as far as the run's folder doesn't say it.

    Attributes:
        number: of the registered version.
        tags: run, data, recipe, code, commit and overrides, as the version has them.
        exports: the formats that were made, kept or not.
    """

    number: str
    tags: Mapping[str, str]
    exports: Sequence[Export]


def leave_card(
    run: Run, inputs: Inputs, store: ModelStore, candidate: Candidate, exports: Sequence[Export]
) -> None:
    """Write the card of a version that was decided on, and log it with the version's evidence.

    A fault of the card's own is logged; it must not change how the run ends.
    """
    try:
        version = Version(candidate.version, provenance_of(store, candidate.version), exports)
        files = write_card(run, inputs, version)
        store.upload_evidence(candidate.mlflow_run, run.directory, files)
    except Exception:
        log.exception("the model card of version %s could not be written", candidate.version)


def read_card(store: ModelStore, name: str) -> str:
    """Return the card of a version as Markdown.

    Args:
        store: of the model.
        name: number or alias of the version.

    Raises:
        UsageError: there is no such version, or it has no card.
    """
    version = find_version(store, name)
    file = store.evidence(str(version.run_id), CARD) if version.run_id else None
    if file is None:
        raise UsageError(
            f"Version {version.version} has no model card: it was registered by an earlier release,"
            " or its run ended before it was decided on."
        )
    return file.read_text("utf-8")


def write_card(run: Run, inputs: Inputs, version: Version) -> list[Path]:
    """Write the card of a version into its run's folder.

    Args:
        run: after its model was decided on.
        inputs: the images and what the model is fed.
        version: what is registered.

    Returns:
        The files: model_card.md and model_card.html.
    """
    text = render_card(collect_facts(run, inputs, version))
    files = [run.directory / CARD, run.directory / CARD_PAGE]
    for file, content in zip(files, (text, card_page(text, run.config.name)), strict=True):
        with atomic_write(file) as temporary:
            temporary.write_text(content, "utf-8")
    return files


def collect_facts(run: Run, inputs: Inputs, version: Version) -> dict[str, Any]:
    """Return everything a card states, by the names the template uses."""
    evaluation = read_evidence(run, EVALUATION)
    level = evaluation["confidence_level"]
    source = run.config.data.directory or run.config.data.manifest
    return {
        "name": run.config.name,
        "run": run.id,
        "version": version,
        "source": source.name if source else "",
        "data": read_evidence(run, FACTS),
        "verdict": read_evidence(run, VERDICT),
        "counts": _counts(inputs.index),
        "splits": SPLITS,
        "contract": asdict(inputs.contract),
        "training": read_evidence(run, TRAINING),
        "settings": stored_settings(run.config),
        "evaluation": evaluation,
        "classes": [_with_interval(row, level) for row in evaluation["per_class"]],
        "confusions": _confusions(evaluation),
        "champion": read_evidence(run, CHAMPION_EVALUATION),
        "decision": read_evidence(run, REGISTRATION),
        "few": [row["label"] for row in evaluation["per_class"] if row["support"] < FEW_IMAGES],
        "few_images": FEW_IMAGES,
    }


def render_card(facts: Mapping[str, Any]) -> str:
    """Return the card as Markdown, with its YAML head.

    Args:
        facts: as `collect_facts` returned them.
    """
    # Labels, file names and reasons come from users: each is escaped where it is put in.
    environment = Environment(  # noqa: S701 - Markdown, which has a filter of its own
        loader=PackageLoader("tasks.reporting", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = as_text
    # JSON is YAML, and its strings are safe whatever they hold.
    environment.filters["yaml"] = json.dumps
    return environment.get_template("model_card.md.j2").render(facts)


def as_text(value: object) -> str:
    """Return a value as Markdown that shows it as it is, on one line."""
    line = PUNCTUATION.sub(r"\\\1", " ".join(str(value).split()))
    return LIST_ITEM.sub(r"\1\\\2", line)


def card_page(markdown: str, title: str) -> str:
    """Return a card as one page of HTML, without its YAML head."""
    from markdown_it import MarkdownIt

    _, _, body = markdown.removeprefix("---\n").partition("\n---\n")
    content = MarkdownIt("commonmark", {"html": False}).enable("table").render(body)
    environment = Environment(
        loader=PackageLoader("tasks.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("model_card.html.j2").render(title=title, content=content)


def _counts(index: Path) -> list[dict[str, Any]]:
    """Return one row per class: its label, and its number of images in each split."""
    table = pd.read_parquet(index, columns=[LABEL, SPLIT]).astype("str")
    counts = pd.crosstab(table[LABEL], table[SPLIT]).reindex(columns=list(SPLITS), fill_value=0)
    return [
        {"label": label, **{split: int(row[split]) for split in SPLITS}}
        for label, row in counts.iterrows()
    ]


def _with_interval(row: Mapping[str, Any], level: float) -> dict[str, Any]:
    """Return a class's numbers with Wilson's interval of its recall."""
    right = round(row["recall"] * row["support"])
    interval = binomtest(right, row["support"]).proportion_ci(level, method="wilson")
    return {**row, "right": right, "low": interval.low, "high": interval.high}


def _confusions(evaluation: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return the most frequent mistakes: the true class, the predicted one, and how often."""
    classes = evaluation["classes"]
    wrong = [
        (true, predicted, count)
        for true, row in zip(classes, evaluation["confusion"], strict=True)
        for predicted, count in zip(classes, row, strict=True)
        if true != predicted and count
    ]
    return sorted(wrong, key=lambda each: -each[2])[:CONFUSIONS_SHOWN]
