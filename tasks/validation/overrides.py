"""Operators' decisions to accept rejected data: who overruled which rules, when and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tasks.runtime.whoami import who_am_i
from tasks.storage.checked import believe_json, write_checked_json
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from collections.abc import Collection

    from tasks.storage.home import Home

OVERRIDES = "overrides"


class Override(BaseModel):
    """The decision to accept one state of the data in spite of a verdict.

    Attributes:
        data_fingerprint: of the data it applies to; other data is judged as usual.
        rules: those that stopped the data; another rule stops it again.
        who: user and machine.
        when: time in ISO 8601.
        why: the operator's reason.
    """

    model_config = ConfigDict(frozen=True)

    data_fingerprint: str
    rules: tuple[str, ...]
    who: str
    when: str
    why: str

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        return f"overruled ({', '.join(self.rules)}) by {self.who} on {self.when}: {self.why}"

    def covers(self, fingerprint: str, rules: Collection[str]) -> bool:
        """Return whether it accepts this data in spite of these rules."""
        # Fewer rules than were overruled are fine, as after a change of settings.
        return self.data_fingerprint == fingerprint and set(rules) <= set(self.rules)


def list_overrides(home: Home) -> list[Override]:
    """Return every override of a model's data, newest first."""
    records = (believe_json(home.overrides) or {OVERRIDES: []})[OVERRIDES]
    return [Override.model_validate(record) for record in reversed(records)]


def add_override(
    home: Home, *, fingerprint: str, rules: Collection[str], why: str, who: str | None = None
) -> Override:
    """Overrule a verdict and remember the decision.

    Args:
        home: of the model.
        fingerprint: of the data that is accepted.
        rules: that are overruled.
        why: the reason.
        who: decides; by default the user of this process.
    """
    override = Override(
        data_fingerprint=fingerprint,
        rules=tuple(sorted(rules)),
        who=who or who_am_i(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why=why,
    )
    with file_lock(home.overrides):
        overrides = [*reversed(list_overrides(home)), override]
        records = [each.model_dump(mode="json") for each in overrides]
        write_checked_json(home.overrides, {OVERRIDES: records})
    return override
