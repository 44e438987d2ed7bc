"""The card of a version: everything a reader needs, whatever the labels and files are named."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml  # type: ignore[import-untyped]

from tasks.errors import UsageError
from tasks.exports.export_record import Export
from tasks.reporting.model_card import (
    Version,
    as_text,
    card_page,
    leave_card,
    read_card,
    write_card,
)
from tasks.runs.run_folder import EVALUATION, FACTS, REGISTRATION, TRAINING, VERDICT, Run
from tasks.storage.atomic import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench

NASTY = "a|b `c` <script>alert(1)</script> *d* [e](http://f) \\g\n# h"
EXPORTS = (
    Export("onnx", "model.onnx", "0" * 64, 4_000, 12, 3e-8, 1.0, 0.5),
    Export("litert", failure="no such | layer"),
)


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def finished_run(bench: Bench, folder: Path, **changes: Any) -> Run:
    """Return a run with the evidence that a card is made of."""
    run = Run("20261126-120000-abcd", bench.config, folder)
    evaluation = json.loads(bench.evaluation.predictions.with_suffix(".json").read_text())
    decision = bench.judge(bench.register(0.9), 0.9, champion=None).as_dict()
    finding = {"success": False, "severity": "warning", "description": NASTY, "observed": NASTY}
    evidence = {
        EVALUATION: evaluation | changes,
        FACTS: {"images": 80, "quarantined": 2, "data_fingerprint": "f00d"},
        REGISTRATION: decision,
        VERDICT: {
            "findings": [finding, {**finding, "success": True}],
            "override": {"who": "eva", "when": "2026-11-26", "why": NASTY},
        },
        TRAINING: {"epochs": 3, "parameters": 1_000, "ended": "all epochs"},
    }
    for name, record in evidence.items():
        write_json(folder / name, record)
    return run


def test_a_card_states_what_was_measured(bench: Bench, tmp_path: Path) -> None:
    """Its head is YAML as the Hub reads it; the page holds the same tables."""
    run = finished_run(bench, tmp_path / "run")
    markdown, page = write_card(run, bench.inputs, Version("1", {"pixelgate.run_id": "r"}, EXPORTS))
    _, head, body = markdown.read_text("utf-8").split("---\n", 2)
    fields = yaml.safe_load(head)
    assert fields["pipeline_tag"] == "image-classification"
    assert fields["tags"] == ["image-classification", "pixelgate", "onnx"]
    (model,) = fields["model-index"]
    (result,) = model["results"]
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert metrics["accuracy"] == bench.evaluation.accuracy
    assert result["dataset"]["revision"] == "f00d"
    assert f"{bench.evaluation.accuracy_low:.4f} to {bench.evaluation.accuracy_high:.4f}" in body
    assert "Fewer than 30 test images" in body
    html = Page(page.read_text("utf-8"))
    assert html.tags.count("table") >= 8
    index = pd.read_parquet(bench.inputs.index)
    trained = int(((index["label"] == "a") & (index["split"] == "train")).sum())
    assert f"a\n{trained}\n" in html.text
    assert "not kept: no such | layer" in html.text


def test_no_name_breaks_a_card(bench: Bench, tmp_path: Path) -> None:
    """Labels and reasons with pipes, HTML, links and line breaks are shown as they are."""
    rows = [{**row, "label": NASTY} for row in bench.evaluation.per_class]
    run = finished_run(bench, tmp_path / "run", per_class=rows)
    inputs = replace(bench.inputs, contract=replace(bench.inputs.contract, classes=(NASTY, "b")))
    markdown, page = write_card(run, inputs, Version("1", {}, ()))
    yaml.safe_load(markdown.read_text("utf-8").split("---\n")[1])
    html = Page(page.read_text("utf-8"))
    assert not {"script", "a", "em"} & set(html.tags)
    assert html.tags.count("h1") == 1
    assert "a|b `c` <script>alert(1)</script> *d* [e](http://f) \\g # h" in html.text


def test_a_card_is_kept_with_its_version(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Until then the version says that it has none; a fault of the card is only logged."""
    candidate = bench.retrain(0.9).candidate
    with pytest.raises(UsageError, match="Version 1 has no model card"):
        read_card(bench.store, "champion")
    run = Run("20261126-120000-abcd", bench.config, tmp_path / "empty")
    leave_card(run, bench.inputs, bench.store, candidate, ())
    assert "the model card of version 1 could not be written" in caplog.text
    run = finished_run(bench, tmp_path / "run")
    leave_card(run, bench.inputs, bench.store, candidate, EXPORTS)
    assert "pixelgate.model\\_sha256" in read_card(bench.store, "1")
    with pytest.raises(UsageError, match="No version 77"):
        read_card(bench.store, "77")


@pytest.mark.parametrize(
    "text", ["1. cat", "- x", "+1", "# h", "_a_", "a | b", "&amp;", "<b>", "\\"]
)
def test_markdown_shows_text_as_it_is(text: str) -> None:
    """In a list, where a line can begin anything."""
    page = Page(card_page(f"---\na: 1\n---\n- {as_text(text)}\n", "card"))
    assert text in page.text
    assert page.tags.count("li") == 1
    assert not {"ol", "em", "b", "h1"} & set(page.tags)
