"""The records of a judged inventory: findings, and the verdict they make."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.errors import DamagedFileError, DataRejectedError
from tasks.runs.check import Check
from tasks.storage.atomic import read_json, write_json
from tasks.validation.evidence import VERDICT_FILE
from tasks.validation.overrides import Override

# The rules that other settings satisfy, if the data is as it should be.
SUGGESTED = frozenset(
    ("decodes", "labelled", "single_frame", "not_blank", "sizes", "modes", "known_classes",
     "class_size", "class_balance", "bit_depth")
)  # fmt: skip
SUGGESTION = (
    "If the data is as it should be, `pixelgate gate DIR --suggest > retrain.toml` writes settings"
    " that fit it, for `--config retrain.toml`."
)
# The fields of a verdict that name files in its folder.
PATHS = ("data_docs", "offenders", "quarantine")


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as `1 file` or `2 files`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


class Finding(Check):
    """The result of one expectation.

    Attributes:
        expectation: its name in Great Expectations.
        description: what it demands, in one sentence.
        offenders: number of offending files or classes; not 0 for a rule that allows a share.
        examples: the first ten of them.
        value: the number that a learned threshold is compared with, where there is one.
        quarantined: these files are left out of the run, so the rule doesn't stop it.
        grouped: each example stands for all files of one kind, and says how many.
        note: what is worth a line although the rule holds.
    """

    expectation: str
    description: str
    offenders: int = 0
    examples: tuple[str, ...] = ()
    value: float | None = None
    quarantined: bool = False
    grouped: bool = False
    note: str = ""

    @property
    def stops(self) -> bool:
        """Whether the data is rejected because of it."""
        return not self.success and self.severity == "critical" and not self.quarantined

    @property
    def is_note(self) -> bool:
        """Whether it passed, but names files worth a look."""
        return self.success and self.offenders > 0

    @property
    def text(self) -> str:
        """The finding with its examples and its remedy, on several lines."""
        lines = [f"{self.mark}  {self.description} Observed: {self.observed}."]
        lines += [f"        {example}" for example in self.examples]
        if self.offenders > len(self.examples) and not self.grouped:
            lines.append(f"        and {self.offenders - len(self.examples)} more")
        return "\n".join([*lines, f"      {self.remedy}"])


class Verdict(BaseModel):
    """Whether the data may be used for training, and why.

    Attributes:
        accepted: no critical rule failed, apart from those whose files are quarantined.
        findings: one per expectation.
        data_fingerprint: of the inventory.
        override: an operator's decision that accepts the data in spite of the failures.
        baseline: the run whose inventory it was compared with; None where there is none yet.
        moves: how many files were added, removed, changed, renamed and relabelled since then.
        data_docs: start page of Great Expectations' Data Docs.
        offenders: Parquet file of every offending file: rule, expectation, path, value.
        quarantine: Parquet file with the path of every file left out, and the rules it breaks.
        quarantined: number of files left out.
    """

    model_config = ConfigDict(frozen=True)

    accepted: bool
    findings: tuple[Finding, ...]
    data_fingerprint: str
    override: Override | None = None
    baseline: str | None = None
    moves: dict[str, int] = {}
    data_docs: Path
    offenders: Path
    quarantine: Path
    quarantined: int = 0

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed, critical ones first."""
        order = {"critical": 0, "warning": 1, "info": 2}
        failed = [finding for finding in self.findings if not finding.success]
        return sorted(failed, key=lambda finding: order[finding.severity])

    @property
    def observed(self) -> dict[str, float]:
        """What each rule measured, by its name; thresholds of later runs are learned from it."""
        values: dict[str, float] = {}
        for finding in self.findings:
            if finding.value is not None:
                # A threshold holds for every split, so the worst of them counts.
                values[finding.rule] = max(values.get(finding.rule, -math.inf), finding.value)
        return values

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if not self.accepted:
            return f"data rejected: {self._reasons}"
        if self.override is not None:
            return f"data accepted, {self.override.sentence} ({self._reasons})"
        warnings = sum(
            finding.severity == "warning" and not finding.quarantined for finding in self.failures
        )
        return (
            f"data accepted: {counted(len(self.findings), 'expectation')} checked"
            + (f", {counted(warnings, 'warning')}" if warnings else "")
            + (f", {counted(self.quarantined, 'file')} quarantined" if self.quarantined else "")
        )

    @property
    def _reasons(self) -> str:
        """The findings that stop the data, each with its first examples."""
        return "; ".join(
            f"{finding.rule}: {finding.observed}"
            + (f" ({', '.join(finding.examples[:3])})" if finding.examples else "")
            for finding in self.failures
            if finding.stops
        )

    @property
    def notes(self) -> list[str]:
        """What is not a failure but worth a line."""
        notes = [
            f"note  {finding.description} Observed: {finding.observed}, such as"
            f" {finding.examples[0]}"
            for finding in self.findings
            if finding.is_note and finding.examples
        ]
        notes += [f"note  {finding.note}" for finding in self.findings if finding.note]
        if self.moves:
            moves = ", ".join(f"{count} {kind}" for kind, count in self.moves.items())
            notes.append(f"note  Files since the last accepted run: {moves}.")
        if self.baseline is None:
            notes.append(
                "note  No data has been accepted before, so drift is not judged yet. A run that"
                " ends well becomes the baseline; so does `pixelgate baseline accept DIR`."
            )
        return notes

    @property
    def details(self) -> str:
        """The headline, every failure with its first files and its remedy, and the notes."""
        failures = [finding.text for finding in self.failures]
        could_fit = any(finding.rule in SUGGESTED and finding.stops for finding in self.failures)
        remedy = [SUGGESTION] if could_fit and not self.accepted else []
        return "\n".join([self.headline, *failures, *remedy, *self.notes])


def write_verdict(folder: Path, verdict: Verdict) -> Path:
    """Write verdict.json into the folder of its evidence, with paths relative to that folder."""
    paths = {name: getattr(verdict, name).relative_to(folder).as_posix() for name in PATHS}
    return write_json(folder / VERDICT_FILE, verdict.model_dump(mode="json") | paths)


def read_verdict(folder: Path) -> Verdict:
    """Read what `write_verdict` wrote, with the paths of the folder it is in now.

    Raises:
        FileNotFoundError: there is no verdict.
        DamagedFileError: the file is torn, or no verdict.
    """
    file = folder / VERDICT_FILE
    plain = read_json(file)
    try:
        return Verdict.model_validate(plain | {name: folder / plain[name] for name in PATHS})
    except (ValueError, KeyError, TypeError) as error:
        problem = f"it is no verdict ({(str(error).splitlines() or [''])[0]})"
        raise DamagedFileError(file, problem) from None


def require_accepted(verdict: Verdict) -> Verdict:
    """Return an accepted verdict.

    Raises:
        DataRejectedError: the data was rejected; the message holds the details.
    """
    if not verdict.accepted:
        raise DataRejectedError(verdict.details)
    return verdict
