"""The commands about the disk: what fills it, and the removal of what nothing needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from flows.cli.housekeeping_display import show_disk, show_done, show_plan
from flows.cli.options import Config, Home, Json, Set, examples, load, new_app
from flows.cli.screen import quiet
from tasks.errors import RunInProgressError

commands = new_app()


@commands.command(
    epilog=examples(
        "pixelgate housekeeping --dry-run",
        "pixelgate housekeeping --set housekeeping.keep_days=30",
        "pixelgate housekeeping --json",
    )
)
def housekeeping(
    config: Config = None,
    assignments: Set = None,
    home: Home = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go, and why the rest stays.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove old runs with their versions, caches, damaged files and flow runs of all models.

    What is or ever was in production, waits for approval, or is needed by the next run stays.
    Exit code 1 if something was left out because a model was being retrained.
    """
    settings, _ = load(config, assignments, home=home)
    with quiet(settings.paths):
        from tasks.housekeeping.clean import keep_house, plan_housekeeping
        from tasks.orchestration.old_flow_runs import plan_flow_runs, remove_flow_runs

        if dry_run:
            plan = plan_housekeeping(settings).and_then(plan_flow_runs(settings))
        else:
            done = keep_house(settings)
            removals = done.plan.removals + remove_flow_runs(settings)
            done = replace(done, plan=replace(done.plan, removals=removals))
    if dry_run:
        show_plan(plan, as_json=as_json)
        return
    show_done(done, as_json=as_json)
    if done.busy:
        raise RunInProgressError(f"{'; '.join(done.busy)}. Run the same command again later.")


@commands.command(epilog=examples("pixelgate disk", "pixelgate disk --json"))
def disk(home: Home = None, *, as_json: Json = False) -> None:
    """Say what fills the disk, by kind: runs, scores, models, caches, databases, other."""
    from tasks.monitoring.disk_usage import measure_disk

    settings, _ = load(None, None, home=home)
    show_disk(measure_disk(settings.paths), as_json=as_json)
