"""The documentation says what the code does."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from tasks import errors
from tasks.config.gate import GateConfig
from tasks.config.load import describe
from tasks.config.schema import RetrainConfig
from tasks.model_gate.paired import Comparison
from tasks.outcome import Outcome
from tasks.runs.check import Check
from tasks.runs.summary import RunSummary
from tasks.training.result import TrainedModel
from tasks.validation.overrides import Override
from tasks.validation.verdict import Finding

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if page.name != "CHANGELOG.md"
]


def test_the_commands_of_the_readme_exist() -> None:
    """Every `pixelgate …` is a command, and every command is there."""
    from flows.cli.main import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = {name for name, command in commands.items() if not command.hidden}
    assert set(re.findall(r"`pixelgate (\w+)`", README)) == named


def test_the_makefile_has_the_readmes_targets() -> None:
    """Every `make …` in the pages is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        used = set(
            re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
        )
        assert {a or b for a, b in used} <= targets, page.name


def test_exit_codes_are_told_alike_everywhere() -> None:
    """README, help and errors agree."""
    from flows.cli.options import EXIT_CODES

    told = dict(re.findall(r"^\| (\d) \| (.+) \|$", README, re.MULTILINE))
    assert set(told) == {"0", "1", "2", "3", "4", "5"}
    for code, meaning in told.items():
        assert f"{code} {meaning.split(':')[0]}" in " ".join(EXIT_CODES.split())
    assert errors.DataRejectedError.exit_code == 3
    assert errors.ModelRejectedError.exit_code == 4
    assert errors.UsageError.exit_code == 2
    assert errors.UnreadableImagesError.exit_code == 5


def gate_table() -> dict[str, tuple[str, str]]:
    """Return the cells `default` and `change it with` of docs/gate.md, by rule."""
    page = (ROOT / "docs/gate.md").read_text("utf-8").split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    return {rule.strip("`"): (default, change) for rule, _, default, change, _ in rows}


def test_the_gates_table_has_every_rule() -> None:
    """docs/gate.md has one row per rule, and no other."""
    assert set(gate_table()) == set(GateConfig.rules())


@pytest.mark.parametrize("name", GateConfig.rules())
def test_the_gates_table_has_every_default(name: str) -> None:
    """The severity of a rule, and the default of each threshold that its row names."""
    rule = getattr(GateConfig(), name)
    default, change = gate_table()[name]
    severity, _, thresholds = default.partition(", ")
    assert severity == rule.severity
    settings = re.findall(rf"`(?:gate\.{name}\.)?([a-z_]+)", change)
    assert settings
    values = [getattr(rule, setting) for setting in settings if setting != "severity"]
    numbers = [float(value) for value in values if type(value) in (int, float)]
    assert [float(number) for number in re.findall(r"\d+(?:\.\d+)?", thresholds)] == numbers
    words = [value for value in values if isinstance(value, str)]
    assert re.findall(r"`(\w+)`", thresholds) == words


def test_settings_named_in_the_pages_exist() -> None:
    """No page names a setting that isn't there."""
    known = {row["setting"] for row in describe(RetrainConfig(), {})}
    parts = "|".join(
        name
        for name, field in RetrainConfig.model_fields.items()
        if isinstance(field.default, BaseModel)
    )
    for page in PAGES:
        used = set(
            re.findall(rf"\b((?:{parts})\.[a-z0-9_]+(?:\.[a-z0-9_]+)*)", page.read_text("utf-8"))
        )
        strange = {name for name in used - known if not name.endswith((".py", ".json", ".md"))}
        assert strange == set(), page.name


def _rows_of(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table under a heading of docs/summary.md, by their first cell."""
    page = (ROOT / "docs/summary.md").read_text("utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = (re.split(r" *\| *", line)[1:-1] for line in section.splitlines() if line[:3] == "| `")
    return {name.strip("`"): cells for name, *cells in rows}


def test_the_summarys_fields_are_those_of_its_page() -> None:
    """docs/summary.md has one row per field, in order, with the description of the model."""
    fields = RunSummary.model_fields
    rows = _rows_of("Fields")
    assert list(rows) == list(fields)
    for name, (*_, meaning) in rows.items():
        assert meaning == fields[name].description, name


def test_the_records_in_the_summary_are_those_of_its_page() -> None:
    """Findings, checks, overrides and trainings have a row for each of their fields."""
    assert set(_rows_of("A finding of the data gate")) == set(Finding.model_fields)
    assert set(_rows_of("A check of the model gate")) == set(Check.model_fields)
    assert set(_rows_of("Override")) == set(Override.model_fields)
    compared = {field.name for field in dataclasses.fields(Comparison)}
    assert set(_rows_of("Comparison")) == compared - {"high"} - {"low"} | {"low`, `high"}
    trained = {field.name for field in dataclasses.fields(TrainedModel)}
    assert set(_rows_of("Training")) == trained - {"directory"}


def test_the_summarys_outcomes_are_those_of_its_page() -> None:
    """docs/summary.md has every outcome, and says which accept the data."""
    rows = _rows_of("Outcomes")
    assert set(rows) == set(Outcome)
    for name, (*_, accepts_data) in rows.items():
        assert accepts_data == ("yes" if Outcome(name).accepts_data else "no"), name


def test_the_example_of_the_summary_is_one() -> None:
    """The JSON in docs/summary.md has every field and loads as a RunSummary."""
    page = (ROOT / "docs/summary.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.+?)```", page, re.DOTALL)
    summary = RunSummary.model_validate_json(example)
    assert set(json.loads(example)) == set(RunSummary.model_fields)
    assert summary.outcome is Outcome.PROMOTED
    assert Finding.model_validate(summary.gate[0]).success


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and images are files of the project."""
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_nothing_names_a_package_index() -> None:
    """Pinned versions are names and numbers only."""
    tracked = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - whatever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run"):
        assert name in tracked
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"index-url|find-links|://[^ ]*(pypi|pythonhosted)", text)
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[^ ]+", pin) for pin in pins)
