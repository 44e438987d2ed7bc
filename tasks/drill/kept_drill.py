"""The results of a drill go in; how the last one of a model ended comes out, for alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.storage.home import Home


@dataclass(frozen=True)
class KeptDrill:
    """How a drill ended.

    Attributes:
        at: when, UTC.
        problem: what the gate did wrong; empty if it reacted to every fault as it must.
    """

    at: datetime
    problem: str


def keep_drill(home: Home, problems: Sequence[str]) -> None:
    """Keep how a drill of a model ended, in place of the one before.

    Args:
        home: of the model.
        problems: what the gate did wrong, each in a few words.
    """
    content = {"at": datetime.now(UTC).isoformat(), "problem": "; ".join(problems)}
    write_json(home.last_drill, home.stored(content))


def last_drill(home: Home) -> KeptDrill | None:
    """Return how the last drill of a model ended; None if there was none."""
    try:
        content = home.shown(read_json(home.last_drill))
        return KeptDrill(datetime.fromisoformat(content["at"]), content["problem"])
    except (OSError, PixelgateError, KeyError, TypeError, ValueError):
        # Of a torn file nothing is known; the next drill writes it anew.
        return None
