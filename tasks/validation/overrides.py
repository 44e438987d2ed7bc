"""An operator's word that overrules one verdict on one state of the data: who, when and why."""

from __future__ import annotations

import getpass
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from tasks.storage.home import Home


class Override(BaseModel):
    """One verdict overruled.

    Attributes:
        data_fingerprint: of the data it holds for; other data is judged as ever.
        rules: those that stopped it; a further one stops it again.
        who: user and machine.
        when: ISO 8601.
        why: in the operator's words.
    """

    model_config = ConfigDict(frozen=True)

    data_fingerprint: str
    rules: tuple[str, ...]
    who: str
    when: str
    why: str

    @property
    def sentence(self) -> str:
        """Who overruled what, when and why."""
        return f"overruled ({', '.join(self.rules)}) by {self.who} on {self.when}: {self.why}"

    def covers(self, fingerprint: str, rules: Collection[str]) -> bool:
        """Tell whether it lets this data pass in spite of these rules."""
        return self.data_fingerprint == fingerprint and set(rules) <= set(self.rules)


def list_overrides(home: Home) -> list[Override]:
    """Return every override of a model's data, the newest first."""
    file = home.overrides
    plain = read_json(file) if file.exists() else []
    return [Override.model_validate(each) for each in reversed(plain)]


def add_override(home: Home, *, fingerprint: str, rules: Collection[str], why: str) -> Override:
    """Overrule a verdict and remember it."""
    override = Override(
        data_fingerprint=fingerprint,
        rules=tuple(sorted(rules)),
        who=_whoami(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        why=why,
    )
    kept = [*reversed(list_overrides(home)), override]
    write_json(home.overrides, [each.model_dump(mode="json") for each in kept])
    return override


def _whoami() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "somebody without a name"
    return f"{user}@{socket.gethostname()}"
