"""The record of a gate's decision, which the CLI, the report and the registry all show."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tasks.config.base import Severity


class Check(BaseModel):
    """One rule, what it wants, what was seen, and what to do if that is not enough."""

    model_config = ConfigDict(frozen=True)

    rule: str
    threshold: str
    observed: str
    success: bool
    severity: Severity = "critical"
    remedy: str = ""

    @property
    def mark(self) -> str:
        """How the check ended, in one word."""
        if self.success:
            return "pass"
        return "FAIL" if self.severity == "critical" else self.severity

    @property
    def sentence(self) -> str:
        """The whole check in one line."""
        told = f"{self.mark}  {self.rule}: wants {self.threshold}; observed {self.observed}."
        return told if self.success or not self.remedy else f"{told} {self.remedy}"
