"""Prints what housekeeping would remove or has removed, and what fills the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.cli.printing import print_json, print_table
from flows.cli.screen import say

if TYPE_CHECKING:
    from tasks.housekeeping.plan_records import Plan, Tidied
    from tasks.monitoring.disk_usage import DiskUsage


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print what would go, with its size, and why the rest stays."""
    if as_json:
        print_json(_plain(plan))
        return
    from tasks.housekeeping.plan_records import as_size

    _print_plan(plan)
    say(f"{as_size(plan.bytes)} would be free. Nothing was removed.")


def show_done(done: Tidied, *, as_json: bool) -> None:
    """Print what went, why the rest stays, and the sizes before and after."""
    if as_json:
        sizes = {"before": done.before, "after": done.after, "busy": list(done.busy)}
        print_json(_plain(done.plan) | sizes)
        return
    from tasks.housekeeping.plan_records import as_size

    _print_plan(done.plan)
    rows = [[kind, as_size(size), as_size(done.after[kind])] for kind, size in done.before.items()]
    print_table(["kind", "before", "after"], rows)
    say(done.sentence)


def show_disk(usage: DiskUsage, *, as_json: bool) -> None:
    """Print the sizes by kind, and what the disk has left."""
    if as_json:
        print_json(usage.kinds | {"total": usage.total, "free": usage.free})
        return
    from tasks.housekeeping.plan_records import as_size

    rows = [[kind, as_size(size)] for kind, size in usage.kinds.items()]
    print_table(["kind", "size"], [*rows, ["total", as_size(usage.total)]])
    say(f"{as_size(usage.free)} of {as_size(usage.size)} are free on this disk")


def _print_plan(plan: Plan) -> None:
    from tasks.housekeeping.plan_records import as_size

    rows = [
        ["goes", each.kind, each.model or "", each.name, as_size(each.bytes), each.reason]
        for each in plan.removals
    ]
    rows += [
        ["stays", each.kind, each.model or "", each.name, "", each.reason] for each in plan.kept
    ]
    print_table(["", "kind", "model", "what", "size", "why"], rows)


def _plain(plan: Plan) -> dict[str, Any]:
    return {
        "removed": [
            {
                "kind": each.kind,
                "model": each.model,
                "name": each.name,
                "bytes": each.bytes,
                "reason": each.reason,
            }
            for each in plan.removals
        ],
        "kept": [
            {"kind": each.kind, "model": each.model, "name": each.name, "reason": each.reason}
            for each in plan.kept
        ],
    }
