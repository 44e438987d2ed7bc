"""The commands about data: inventory, gate and drill."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated

import typer

from flows.cli.data_display import show_drill, show_inventory, show_verdict
from flows.cli.early_start import import_gate, start_reader
from flows.cli.options import Config, Folder, Home, Json, Name, Set, examples, load_for_run, new_app
from flows.cli.printing import print_json
from flows.cli.screen import quiet

commands = new_app()


@commands.command(
    epilog=examples(
        "pixelgate inventory photos/",
        "pixelgate inventory photos/ -o inventory.parquet",
        "pixelgate inventory photos/ --explain cat/0017.jpg",
    )
)
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
        typer.Option("--explain", help="Explain the label and the split of this file."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read every image of a folder and summarize them. Exit code 3 if none can be read."""
    settings = load_for_run(config, assignments, data__directory=directory, home=home)
    with quiet(settings.paths):
        from tasks.inventory.columns import THUMBNAIL, fingerprint
        from tasks.inventory.explain import explain_file, format_explanation
        from tasks.inventory.scan import inventory_of, require_readable
        from tasks.inventory.value_ranges import describe_scaling_of
        from tasks.storage.atomic import write_parquet

        if explain is not None:
            explained = explain_file(explain, settings)
        else:
            table = inventory_of(settings)
            if output is not None:
                write_parquet(output, table.drop(columns=THUMBNAIL))
    if explain is None:
        scaling = describe_scaling_of(table, settings.generators)
        show_inventory(table, fingerprint(table), scaling, as_json=as_json)
        require_readable(table)
    elif as_json:
        print_json(explained)
    else:
        typer.echo(format_explanation(explained))


@commands.command(
    epilog=examples(
        "pixelgate gate photos/",
        "pixelgate gate photos/ --set gate.class_size.min_files=50 --json",
        "pixelgate gate photos/ --suggest > retrain.toml",
        "pixelgate gate photos/ --accept-with-reason 'both copies are intended, see ticket 17'",
    )
)
def gate(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    accept_with_reason: Annotated[
        str | None,
        typer.Option(help="Overrule a rejection of exactly this data; the reason.", metavar="WHY"),
    ] = None,
    *,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print settings this data would pass, as TOML.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run inventory and validation alone: may this data be trained on? Exit code 0 or 3."""
    settings = load_for_run(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.paths):
        if suggest:
            from tasks.inventory.scan import inventory_of
            from tasks.validation.suggest import suggest_settings

            proposal = suggest_settings(inventory_of(settings), name=settings.name, config=settings)
        else:
            if not settings.paths.inventory.exists():
                # Every file is to be read; later there are few new ones, or none.
                start_reader()
            import_gate()
            from tasks.orchestration.gate_run import judge_data

            verdict, summary = judge_data(settings, accept_with_reason=accept_with_reason)
    if suggest:
        typer.echo(proposal, nl=False)
        return
    show_verdict(verdict, summary, as_json=as_json)
    raise typer.Exit(summary.exit_code or 0)


@commands.command(
    epilog=examples("pixelgate drill photos/", "pixelgate drill photos/ --config retrain.toml")
)
def drill(  # noqa: PLR0913 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Plant each kind of fault in a copy of some of this data, and check that the gate trips.

    The data itself is only read. The exit code is 0 only if every rule caught its fault and the
    untouched sample passed.
    """
    settings = load_for_run(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.paths):
        from tasks.drill.rehearsal import require_all_as_expected, run_drill

        results = run_drill(settings)
    show_drill(results, as_json=as_json)
    require_all_as_expected(results)
