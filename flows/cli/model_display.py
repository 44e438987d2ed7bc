"""Prints the results of the commands about registered models and their ledger."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from flows.cli.printing import print_json, print_records, print_table
from flows.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.registry.by_hand import HandOver
    from tasks.registry.decision_ledger import Entry
    from tasks.registry.ledger_check import Verified
    from tasks.registry.lineage import Origin
    from tasks.registry.reigns import Reign
    from tasks.registry.version_diff import VersionDiff
    from tasks.registry.version_list import VersionRow

# On a screen; JSON has all of them.
FLIPS_SHOWN, HASH_SHOWN, IMAGES_SHOWN = 20, 12, 10


def show_models(rows: Sequence[VersionRow], *, as_json: bool) -> None:
    """Print one row per version."""
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    if not rows:
        say("No versions yet. Train one with `pixelgate run --data DIR`.")
        return
    columns = ("version", "aliases", "outcome", "accuracy", "created", "run", "data")
    print_table(columns, [
        (
            row.version,
            ", ".join(row.aliases),
            row.outcome or "",
            "" if row.accuracy is None else f"{row.accuracy:.2%}",
            row.created,
            row.run or "",
            (row.data_fingerprint or "")[:HASH_SHOWN],
        )
        for row in rows
    ])  # fmt: skip


def show_reigns(reigns: Sequence[Reign], *, as_json: bool) -> None:
    """Print one row per time during which a version was in production."""
    records = [dataclasses.asdict(reign) for reign in reigns]
    if not as_json:
        shown = {"version": "none", "until": "now"}
        records = [
            {key: shown.get(key, "") if value is None else value for key, value in row.items()}
            for row in records
        ]
    print_records(
        records,
        ("version", "since", "until", "action", "who", "why"),
        as_json=as_json,
        if_empty="No version was in production then.",
    )


def show_hand_over(done: HandOver, name: str) -> None:
    """Say which version is in production now, and which was before."""
    if done.version == done.before:
        say(f"version {done.version} of {name} is in production already; nothing was changed")
        return
    before = "there was none before" if done.before is None else f"before: version {done.before}"
    say(f"version {done.version} of {name} is in production now; {before}")
    for sentence in done.overruled:
        say(f"  overruled: {sentence}")


def show_diff(diff: VersionDiff, *, as_json: bool) -> None:
    """Print how two versions differ."""
    if as_json:
        print_json(dataclasses.asdict(diff))
        return
    a, b = f"version {diff.a}", f"version {diff.b}"
    _show_changes("metric", diff.metrics, (a, b))
    if diff.comparison is None:
        say("They have no test images in common whose answers are kept.")
    else:
        say(
            f"On {diff.comparison['images']:,} test images of both, {b} is newly right about"
            f" {diff.comparison['gains']:,} and newly wrong about {diff.comparison['losses']:,}."
        )
    for title, flips in (("newly right", diff.newly_right), ("newly wrong", diff.newly_wrong)):
        for flip in flips[:FLIPS_SHOWN]:
            say(f"  {title}: {flip['path']} is {flip['label']}; {flip['a']} -> {flip['b']}")
        if len(flips) > FLIPS_SHOWN:
            say(f"  and {len(flips) - FLIPS_SHOWN:,} more {title} (--json lists them)")
    if diff.data is not None:
        changes = ", ".join(f"{count:,} {kind}" for kind, count in diff.data.items())
        say(f"files, from {a} to {b}: {changes or 'the same'}")
    _show_changes("setting", diff.settings, (a, b))


def show_model_lineage(origin: Origin, *, as_json: bool) -> None:
    """Print what a version was made of; the images themselves only as JSON."""
    images = [] if origin.images is None else origin.images.to_dict("records")
    if as_json:
        print_json(
            {
                "version": origin.version,
                "run": origin.run,
                "provenance": origin.provenance,
                "counts": origin.counts,
                "images": images,
            }
        )
        return
    say(f"version {origin.version}, made by run {origin.run}")
    for name, value in origin.provenance.items():
        say(f"  {name.removeprefix('pixelgate.')}: {value}")
    if not images:
        say("  its images are not kept")
        return
    say("  " + ", ".join(f"{count:,} {split} images" for split, count in origin.counts.items()))
    for image in images[:IMAGES_SHOWN]:
        say(f"    {image['split']}: {image['path']} ({image['label']})")
    if len(images) > IMAGES_SHOWN:
        say(f"    and {len(images) - IMAGES_SHOWN:,} more (--json lists them)")


def show_image_lineage(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print one row per version: in which split it saw an image."""
    if not as_json:
        empty = {"split": "never seen"}
        rows = [
            {key: empty.get(key, "") if value is None else value for key, value in row.items()}
            for row in rows
        ]
    print_records(rows, ("version", "split", "match", "path", "label", "run"), as_json=as_json)


def show_ledger(entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print one row per entry."""
    records = [entry.model_dump(mode="json") for entry in entries]
    if not as_json:
        records = [
            {key: "" if value is None else value for key, value in record.items()}
            for record in records
        ]
    columns = ("number", "at", "step", "action", "version", "before", "who", "why")
    print_records(records, columns, as_json=as_json, if_empty="No decision yet.")


def show_verified(verified: Verified, *, as_json: bool) -> None:
    """Print what was verified."""
    if as_json:
        print_json(dataclasses.asdict(verified))
        return
    say(f"{verified.entries} entries, unbroken; last {verified.last[:HASH_SHOWN]}")
    champion = "no version" if verified.champion is None else f"version {verified.champion}"
    say(f"{champion} is in production, as the ledger says")
    for note in verified.notes:
        say(f"note: {note}")


def _show_changes(name: str, rows: Sequence[Mapping[str, Any]], versions: tuple[str, str]) -> None:
    if rows:
        print_table(
            (name, *versions), [[_short(row[key]) for key in (name, "a", "b")] for row in rows]
        )


def _short(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
