"""The records a judged inventory is told by."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.errors import DataRejectedError
from tasks.records import Check


class Finding(Check):
    """What one expectation said of the data.

    Attributes:
        expectation: its name in Great Expectations.
        description: what it wants, in one sentence.
        offenders: how many files, or classes, failed it.
        examples: the first ten of them.
        quarantined: these files are left out of the run, so that the rule stops nothing.
    """

    expectation: str
    description: str
    offenders: int = 0
    examples: tuple[str, ...] = ()
    quarantined: bool = False

    @property
    def stops(self) -> bool:
        """Whether the data is rejected for it."""
        return not self.success and self.severity == "critical" and not self.quarantined

    @property
    def screenful(self) -> str:
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
        data_docs: page of Great Expectations' Data Docs.
        offenders: Parquet with every offending file: rule, expectation, path, value.
        quarantine: Parquet with the path of every file that is left out, and the rules it broke.
        quarantined: how many files that are.
    """

    model_config = ConfigDict(frozen=True)

    accepted: bool
    findings: tuple[Finding, ...]
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
    def line(self) -> str:
        """The verdict in one line."""
        if self.accepted:
            left_out = [finding for finding in self.failures if finding.quarantined]
            warned = len(self.failures) - len(left_out)
            return (
                f"data accepted: {len(self.findings)} expectations checked"
                + (f", {warned} with a warning" if warned else "")
                + (f", {self.quarantined} files quarantined" if self.quarantined else "")
            )
        told = "; ".join(
            f"{finding.rule}: {finding.observed}"
            + (f" ({', '.join(finding.examples[:3])})" if finding.examples else "")
            for finding in self.failures
            if finding.stops
        )
        return f"data rejected: {told}"

    @property
    def screen(self) -> str:
        """The verdict with every failure, its first files and its remedy."""
        return "\n".join([self.line, *(finding.screenful for finding in self.failures)])


def require_accepted(verdict: Verdict) -> Verdict:
    """Return an accepted verdict.

    Raises:
        DataRejectedError: with the whole screen as its message.
    """
    if not verdict.accepted:
        raise DataRejectedError(verdict.screen)
    return verdict
