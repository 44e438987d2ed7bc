"""Check: one rule of a gate and how it ended; the CLI, the report and the registry show it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tasks.config.base import Severity


class Check(BaseModel):
    """One rule: its threshold, what was observed, and the remedy if it failed."""

    model_config = ConfigDict(frozen=True)

    rule: str
    threshold: str
    observed: str
    success: bool
    severity: Severity = "critical"
    remedy: str = ""

    @property
    def mark(self) -> str:
        """The result in one word: pass, FAIL, warning or info."""
        if self.success:
            return "pass"
        return "FAIL" if self.severity == "critical" else self.severity

    @property
    def sentence(self) -> str:
        """The whole check in one line."""
        text = f"{self.mark}  {self.rule}: requires {self.threshold}; observed {self.observed}."
        return text if self.success or not self.remedy else f"{text} {self.remedy}"
