"""What housekeeping is to do and what it did, as records that commands and flows show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RUN, CACHE, DAMAGED, DATABASE, FLOW_RUNS = "run", "cache", "damaged", "database", "flow_runs"
GIB = 2**30


@dataclass(frozen=True)
class Removal:
    """Something that goes.

    Attributes:
        kind: run, cache, damaged, database (its free pages) or flow_runs.
        name: path under home; of a run its id.
        bytes: that it fills on the disk.
        reason: why it may go.
        path: of the file or folder; None where there is none of its own.
        model: whose run it is; None for what models share.
    """

    kind: str
    name: str
    bytes: int
    reason: str
    path: Path | None = None
    model: str | None = None


@dataclass(frozen=True)
class Kept:
    """Something that stays.

    Attributes:
        kind: as of a `Removal`.
        name: as of a `Removal`; or how many there are.
        reason: why it stays.
        model: whose run it is; None for what models share.
    """

    kind: str
    name: str
    reason: str
    model: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to go, and why the rest stays.

    Attributes:
        removals: in the order in which they are removed.
        kept: each run that only a reason keeps; the others, within the limits, by their number.
    """

    removals: tuple[Removal, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def bytes(self) -> int:
        """The bytes that would be free."""
        return sum(each.bytes for each in self.removals)

    def and_then(self, other: Plan) -> Plan:
        """Return both plans as one."""
        return Plan(self.removals + other.removals, self.kept + other.kept)


@dataclass(frozen=True)
class Tidied:
    """What housekeeping did.

    Attributes:
        plan: what went, and why the rest stayed.
        before: bytes by kind of content before it.
        after: the same afterwards.
        busy: what was left out because it was in use, one sentence each.
    """

    plan: Plan
    before: dict[str, int]
    after: dict[str, int]
    busy: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        counts = dict.fromkeys((RUN, CACHE, DAMAGED, DATABASE), 0)
        for each in self.plan.removals:
            counts[each.kind] = counts.get(each.kind, 0) + 1
        freed = max(0, sum(self.before.values()) - sum(self.after.values()))
        said = (
            f"{counts[RUN]} runs, {counts[CACHE]} cached results and {counts[DAMAGED]} damaged"
            f" files removed, {as_size(freed)} freed"
        )
        return "; ".join([said, *self.busy])


def as_size(count: float) -> str:
    """Return bytes as people read them."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the step between units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
