"""What people propose about the images of a run: other labels, or to leave files out.

Kept in one JSON file for each run; no file of the user's is touched. `proposal_manifest` writes
them as CSV.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.storage.checked import believe_json, write_checked_json
from tasks.storage.locks import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tasks.monitoring.image_pages import ShownImage
    from tasks.storage.home import Home

RELABEL, QUARANTINE = KINDS = ("relabel", "quarantine")
PROPOSALS = "proposals"
LONGEST = 500


@dataclass(frozen=True)
class Proposal:
    """What somebody proposes about one image.

    Attributes:
        row: of the image in the inventory of the run.
        path: relative to the data folder.
        sha256: content that was looked at.
        was: label that it had; empty for none.
        label: that is proposed; for quarantine the label that it had.
        proposal: relabel or quarantine.
        who: proposes it.
        reason: why.
        at: ISO 8601, UTC.
    """

    row: int
    path: str
    sha256: str
    was: str
    label: str
    proposal: str
    who: str
    reason: str
    at: str


def propose(  # noqa: PLR0913 - what, about which images, by whom, and why
    home: Home,
    run_id: str,
    images: Iterable[ShownImage],
    *,
    proposal: str,
    label: str,
    who: str,
    reason: str,
) -> int:
    """Add a proposal for each image; it takes the place of an earlier one.

    Args:
        home: of the run.
        run_id: of the run.
        images: what it is about.
        proposal: relabel or quarantine.
        label: the one that is proposed; ignored for quarantine.
        who: proposes it.
        reason: why; may be empty.

    Returns:
        The number of proposals that were added.

    Raises:
        UsageError: no image is chosen, or a text is missing, too long or of several lines.
    """
    label, who, reason = label.strip(), who.strip(), reason.strip()
    chosen = list(images)
    _check(chosen, proposal, label, who, reason)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = {
        image.row: Proposal(
            row=image.row,
            path=image.path,
            sha256=image.sha256 or "",
            was=image.label or "",
            label=label if proposal == RELABEL else image.label or "",
            proposal=proposal,
            who=who,
            reason=reason,
            at=now,
        )
        for image in chosen
    }
    file = _file(home, run_id)
    with file_lock(file):
        _write(file, {each.row: each for each in list_proposals(home, run_id)} | new)
    return len(new)


def withdraw_proposals(home: Home, run_id: str, rows: Iterable[int]) -> None:
    """Remove the proposals about some images."""
    file, gone = _file(home, run_id), set(rows)
    with file_lock(file):
        kept = {each.row: each for each in list_proposals(home, run_id) if each.row not in gone}
        _write(file, kept)


def list_proposals(home: Home, run_id: str) -> list[Proposal]:
    """Return the proposals about the images of a run, by their rows."""
    content = believe_json(_file(home, run_id)) or {PROPOSALS: []}
    return [Proposal(**each) for each in content[PROPOSALS]]


def _check(images: Sequence[ShownImage], proposal: str, label: str, who: str, reason: str) -> None:
    if proposal not in KINDS:
        raise UsageError(f"A proposal must be one of {', '.join(KINDS)}. Received: {proposal}")
    if not images:
        raise UsageError("No image is selected. Tick at least one, or every image of the page.")
    if proposal == RELABEL and not label:
        raise UsageError("Say which label you propose.")
    if not who:
        raise UsageError("Say who you are: a proposal carries a name.")
    for name, text in (("label", label), ("name", who), ("reason", reason)):
        if len(text) > LONGEST or not text.isprintable():
            raise UsageError(f"The {name} must be one line of at most {LONGEST} characters.")


def _file(home: Home, run_id: str) -> Path:
    return home.proposals / f"{run_id}.json"


def _write(file: Path, proposals: dict[int, Proposal]) -> None:
    rows = [asdict(proposals[row]) for row in sorted(proposals)]
    write_checked_json(file, {PROPOSALS: rows})
