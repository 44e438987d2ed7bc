"""The commands about data: inventory, gate, drill, baseline and quarantine."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated

import typer

from flows.display import (
    show_baselines,
    show_drill,
    show_inventory,
    show_json,
    show_quarantine,
    show_verdict,
)
from flows.options import Config, Folder, Home, Json, Name, Set, examples, load, new_app
from flows.screen import quiet, say

baseline = new_app(help="The accepted data that later data is compared with.")
quarantine = new_app(help="The files that the last run left out.")


def inventory(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    home: Home = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Parquet file to write.")
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option("--explain", help="Say why this file has its label and its split."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read every picture of a folder and say what is there."""
    settings, _ = load(config, assignments, data__directory=directory, home=home)
    with quiet(settings.home):
        from tasks.files import write_parquet
        from tasks.inventory.columns import THUMBNAIL, fingerprint
        from tasks.inventory.explain import explain_file, tell
        from tasks.inventory.scan import inventory_of

        if explain is not None:
            explained = explain_file(explain, settings)
        else:
            found = inventory_of(settings)
            if output is not None:
                write_parquet(output, found.drop(columns=THUMBNAIL))
    if explain is None:
        show_inventory(found, fingerprint(found), as_json=as_json)
    elif as_json:
        show_json(explained)
    else:
        typer.echo(tell(explained))


def gate(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    accept_with_reason: Annotated[
        str | None,
        typer.Option(help="Overrule a rejection of just this data, and say why.", metavar="WHY"),
    ] = None,
    *,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print settings this data would pass, as TOML.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Inventory and validation alone: may this data be trained on? Exit 0 or 3."""
    settings, _ = load(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.home):
        if suggest:
            from tasks.inventory.scan import inventory_of
            from tasks.validation.suggest import suggest_settings

            found = inventory_of(settings)
            proposal = suggest_settings(found, name=settings.name)
        else:
            from tasks.judging import judge_data

            verdict, summary = judge_data(settings, accept_with_reason=accept_with_reason)
    if suggest:
        typer.echo(proposal, nl=False)
        return
    show_verdict(verdict, summary, as_json=as_json)
    raise typer.Exit(summary["exit_code"])


def drill(  # noqa: PLR0913 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Plant each kind of fault in a copy of some of this data, and prove that the gate trips.

    The data itself is only read. Exit 0 only if every rule caught its fault and the untouched
    sample passed.
    """
    settings, _ = load(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.home):
        from tasks.drill.drill import require_all_hold, run_drill

        results = run_drill(settings)
    show_drill(results, as_json=as_json)
    require_all_hold(results)


@baseline.command(
    epilog=examples(
        "pixelgate baseline accept photos/ --reason 'the new cameras are here to stay'",
    )
)
def accept(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    reason: Annotated[str, typer.Option(help="Kept with the baseline.")] = "",
) -> None:
    """Make a folder as it is the baseline, whatever moved since the last one."""
    settings, _ = load(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.home):
        from tasks.judging import accept_data

        accepted = accept_data(settings, reason=reason)
    say(f"baseline of {settings.name}: {accepted.record['files']} files of run "
        f"{accepted.record['run_id']}")  # fmt: skip


@baseline.command(epilog=examples("pixelgate baseline show", "pixelgate baseline show --json"))
def show(
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the accepted runs that are remembered, the newest first."""
    from tasks.validation.baseline import list_baselines

    settings, _ = load(config, assignments, name=name, home=home)
    show_baselines([each.record for each in list_baselines(settings)], as_json=as_json)


@baseline.command(epilog=examples("pixelgate baseline reset --name photos"))
def reset(
    config: Config = None, assignments: Set = None, name: Name = None, home: Home = None
) -> None:
    """Forget every baseline; the next accepted run starts anew."""
    from tasks.validation.baseline import reset_baselines

    settings, _ = load(config, assignments, name=name, home=home)
    aside = reset_baselines(settings)
    say("There was no baseline." if aside is None else f"Put aside as {aside}")


@quarantine.command(
    name="list", epilog=examples("pixelgate quarantine list", "pixelgate quarantine list --json")
)
def list_(
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the files that the last run left out, by which rules, and since when."""
    from tasks.validation.quarantine import list_quarantine

    settings, _ = load(config, assignments, name=name, home=home)
    show_quarantine(list_quarantine(settings), as_json=as_json)


@quarantine.command(
    epilog=examples(
        "pixelgate quarantine clear cat/0017.jpg cat/0018.jpg", "pixelgate quarantine clear --all"
    )
)
def clear(  # noqa: PLR0913 - each is a flag
    files: Annotated[
        list[str] | None, typer.Argument(help="Paths as `quarantine list` shows them.")
    ] = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every file that can be read.")] = False,
) -> None:
    """Let files back in, whatever the rules say of them as they are now."""
    from tasks.errors import UsageError
    from tasks.validation.quarantine import clear_quarantine

    if bool(files) == everything:
        raise UsageError("Name the files to clear, or give --all.")
    settings, _ = load(config, assignments, name=name, home=home)
    cleared = clear_quarantine(settings, files or [])
    say(f"{len(cleared)} files cleared; they are back in the next run.")
