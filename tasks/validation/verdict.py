"""The records a judged inventory is told by."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.errors import DataRejectedError
from tasks.runs.check import Check
from tasks.validation.overrides import Override


class Finding(Check):
    """What one expectation said of the data.

    Attributes:
        expectation: its name in Great Expectations.
        description: what it wants, in one sentence.
        offenders: how many files, or classes, offend; a few may where a share is allowed.
        examples: the first ten of them.
        value: the number a learned threshold is compared with, where there is one.
        quarantined: these files are left out of the run, so that the rule stops nothing.
    """

    expectation: str
    description: str
    offenders: int = 0
    examples: tuple[str, ...] = ()
    value: float | None = None
    quarantined: bool = False

    @property
    def stops(self) -> bool:
        """Whether the data is rejected for it."""
        return not self.success and self.severity == "critical" and not self.quarantined

    @property
    def is_note(self) -> bool:
        """Whether it holds, and yet there are files to look at."""
        return self.success and self.offenders > 0

    @property
    def text(self) -> str:
        """The finding with its examples and its remedy, on a few lines."""
        lines = [f"{self.mark}  {self.description} Observed: {self.observed}."]
        lines += [f"        {example}" for example in self.examples]
        if self.offenders > len(self.examples):
            lines.append(f"        and {self.offenders - len(self.examples)} more")
        return "\n".join([*lines, f"      {self.remedy}"])


class Verdict(BaseModel):
    """Whether the data may be trained on, and why.

    Attributes:
        accepted: no critical expectation failed, but for files that were quarantined.
        findings: one an expectation.
        data_fingerprint: of the inventory.
        override: an operator's word that let it pass in spite of what failed.
        baseline: the run whose inventory it was compared with; None where there is none yet.
        moves: how many files were added, removed, changed, renamed and relabelled since then.
        data_docs: page of Great Expectations' Data Docs.
        offenders: Parquet with every offending file: rule, expectation, path, value.
        quarantine: Parquet with the path of every file that is left out, and the rules it broke.
        quarantined: how many files that are.
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
        """What each rule measured, by its name, for thresholds that are learned."""
        values: dict[str, float] = {}
        for finding in self.findings:
            if finding.value is not None:
                values.setdefault(finding.rule, finding.value)
        return values

    @property
    def line(self) -> str:
        """The verdict in one line."""
        if not self.accepted:
            return f"data rejected: {self._told_to_stop}"
        if self.override is not None:
            return f"data accepted, {self.override.sentence} ({self._told_to_stop})"
        warned = sum(
            finding.severity == "warning" and not finding.quarantined for finding in self.failures
        )
        return (
            f"data accepted: {len(self.findings)} expectations checked"
            + (f", {warned} with a warning" if warned else "")
            + (f", {self.quarantined} files quarantined" if self.quarantined else "")
        )

    @property
    def _told_to_stop(self) -> str:
        return "; ".join(
            f"{finding.rule}: {finding.observed}"
            + (f" ({', '.join(finding.examples[:3])})" if finding.examples else "")
            for finding in self.failures
            if finding.stops
        )

    @property
    def notes(self) -> list[str]:
        """What is no failure and yet worth a line."""
        notes = [
            f"note  {finding.description} Observed: {finding.observed}, such as"
            f" {finding.examples[0]}"
            for finding in self.findings
            if finding.is_note and finding.examples
        ]
        if self.moves:
            told = ", ".join(f"{count} {kind}" for kind, count in self.moves.items())
            notes.append(f"note  Files since the last accepted run: {told}.")
        if self.baseline is None:
            notes.append(
                "note  Nothing was accepted before, so that drift is not judged yet. A run that"
                " ends well becomes the baseline; so does `pixelgate baseline accept DIR`."
            )
        return notes

    @property
    def screen(self) -> str:
        """The verdict with every failure, its first files and its remedy."""
        failures = [finding.text for finding in self.failures]
        return "\n".join([self.line, *failures, *self.notes])


def require_accepted(verdict: Verdict) -> Verdict:
    """Return an accepted verdict.

    Raises:
        DataRejectedError: with the whole screen as its message.
    """
    if not verdict.accepted:
        raise DataRejectedError(verdict.screen)
    return verdict
