"""Proposals go in; CSV comes out: of themselves, or of the whole data set as they would have it.

Both have the columns path, label, proposal, who and reason. That of the whole data set can be read
as `data.manifest`: relabelled files have their new label, and those to leave out are left out. It
has a column split only where the data gives the splits, so that others are drawn as before.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from tasks.inventory.columns import LABEL, PATH, SIBLINGS, SPLIT, SPLITS, TRAIN
from tasks.inventory.declared_groups import GROUP_NAME
from tasks.monitoring.proposals import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tasks.monitoring.proposals import Proposal
    from tasks.monitoring.run_images import RunImages

COLUMNS = (PATH, LABEL, "proposal", "who", "reason")
ROWS_AT_ONCE = 10_000
# A spreadsheet takes text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t")


def write_proposals(proposals: Iterable[Proposal]) -> str:
    """Return the proposals as CSV."""
    return _lines([COLUMNS, *([each.path, each.label, *_said(each)] for each in proposals)])


def write_manifest(images: RunImages, proposals: Iterable[Proposal]) -> Iterator[str]:
    """Yield, part by part, the CSV of every labelled image of a run with the proposals applied."""
    given, by_row = _given_splits(images), {each.row: each for each in proposals}
    has_groups = images.column(SIBLINGS).null_count < images.count
    more = [SPLIT] * bool(given) + [GROUP_NAME] * has_groups
    yield _lines([[*COLUMNS, *more]])
    names = [PATH, LABEL, *([SPLIT] if given else []), *([SIBLINGS] if has_groups else [])]
    for start in range(0, images.count, ROWS_AT_ONCE):
        parts = [images.column(name).slice(start, ROWS_AT_ONCE).to_pylist() for name in names]
        rows = []
        for number, (path, label, *others) in enumerate(zip(*parts, strict=True), start):
            proposal = by_row.get(number)
            is_out = proposal is not None and proposal.proposal == QUARANTINE
            named = proposal.label if proposal is not None else label
            if named and not is_out:
                if given:
                    # A part of train that was drawn for validation is drawn again.
                    others[0] = others[0] if others[0] in given else TRAIN
                rows.append([path, named, *_said(proposal), *others])
        yield _lines(rows)


def _said(proposal: Proposal | None) -> list[str]:
    if proposal is None:
        return ["", "", ""]
    texts = (proposal.who, proposal.reason)
    return [
        proposal.proposal,
        *(f"'{each}" if each.startswith(FORMULA) else each for each in texts),
    ]


def _given_splits(images: RunImages) -> set[str]:
    """Return the splits that the data gives; empty where all are drawn."""
    drawn = json.loads(images.attributes).get("drawn", SPLITS[1:])
    given = {name for name in SPLITS[1:] if name not in drawn}
    return given | {TRAIN} if given else given


def _lines(rows: Iterable[Sequence[str | None]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
