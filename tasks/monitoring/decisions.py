"""A model's ledger goes in; what was decided, and what was in production when, come out."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from tasks.monitoring.model_names import newest_ledger
from tasks.registry.decision_ledger import Step, read_ledger
from tasks.registry.reigns import reigns_at, reigns_of

if TYPE_CHECKING:
    from tasks.registry.decision_ledger import Entry
    from tasks.registry.reigns import Reign
    from tasks.storage.home import Home


def decisions_of(home: Home) -> list[Entry]:
    """Return the ledger's entries, the newest first, without the beginnings of those that ended.

    Raises:
        DamagedFileError: the ledger was changed or is torn.
    """
    entries = read_ledger(newest_ledger(home))
    shown = []
    for entry, following in zip_longest(entries, entries[1:]):
        is_ended = following is not None and following.step in (Step.DONE, Step.UNDONE)
        if entry.step is not Step.BEGUN or not is_ended:
            shown.append(entry)
    return shown[::-1]


def in_production_at(home: Home, moment: str) -> list[Reign]:
    """Return what was in production at a moment, or on a day, the oldest first.

    Raises:
        UsageError: it is no date or time.
        DamagedFileError: the ledger was changed or is torn.
    """
    return reigns_at(reigns_of(read_ledger(newest_ledger(home))), moment)
