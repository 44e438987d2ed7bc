"""The commands about runs: run, demo, predict, runs and config."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.early_start import import_flow
from flows.cli.options import (
    Config,
    Data,
    Force,
    Home,
    Json,
    Name,
    Set,
    WithoutChampion,
    as_path,
    examples,
    load,
    load_for_run,
    new_app,
)
from flows.cli.run_display import (
    PredictionFormat,
    show_predictions,
    show_runs,
    show_settings,
    show_summary,
)
from flows.cli.screen import quiet, say
from tasks.errors import UnreadableImagesError

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig
    from tasks.runs.summary import RunSummary

commands = new_app()


def _retrain(settings: RetrainConfig) -> RunSummary:
    """Run the flow in this process and return its summary."""
    with quiet(settings.paths):
        from tasks.orchestration.embedded_server import prefect_server

        with prefect_server(meanwhile=lambda: import_flow(settings)):
            from flows.retrain import retrain
            from tasks.orchestration.lost_server import summary_of

            return summary_of(retrain, settings)


def _finish(summary: RunSummary, *, as_json: bool) -> None:
    show_summary(summary, as_json=as_json)
    raise typer.Exit(summary.exit_code or 0)


@commands.command(
    epilog=examples(
        "pixelgate run --data photos/",
        "pixelgate run --data photos/ --config retrain.toml --set training.epochs=20",
        "pixelgate run --data photos/ --json > summary.json",
    )
)
def run(  # noqa: PLR0913 - each is a flag
    *,
    data: Data = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    force: Force = False,
    without_champion: WithoutChampion = False,
    as_json: Json = False,
) -> None:
    """Retrain once: inventory, validate, generators, train, evaluate, register."""
    settings = load_for_run(
        config,
        assignments,
        data__directory=data,
        name=name,
        home=home,
        force=force or None,
        registry__without_champion=without_champion or None,
    )
    _finish(_retrain(settings), as_json=as_json)


@commands.command(epilog=examples("pixelgate demo", "pixelgate demo --home /tmp/demo --json"))
def demo(home: Home = None, *, force: Force = False, as_json: Json = False) -> None:
    """Retrain on the 1,797 handwritten digits that are part of scikit-learn."""
    from flows.cli.demo import SETTINGS, next_steps, write_digits

    flags = {"home": home, "force": force or None}
    settings, _ = load(None, None, **SETTINGS, **flags)
    folder = write_digits(settings.paths.demo_data)
    summary = _retrain(load(None, None, data__directory=folder, **SETTINGS, **flags)[0])
    if not summary.exit_code:
        say(next_steps(folder, settings.home))
    _finish(summary, as_json=as_json)


@commands.command(
    epilog=examples(
        "pixelgate predict new/",
        "pixelgate predict a.png b.png --top-k 3 --format jsonl",
        "find /inbox -name '*.jpg' -mtime -1 -print0 | pixelgate predict -",
    )
)
def predict(  # noqa: PLR0913 - each is a flag
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Images, or folders of images; - reads paths from stdin, one per line.",
            parser=as_path,
            metavar="IMAGE",
        ),
    ],
    *,
    top: Annotated[
        int,
        typer.Option(
            "--top-k",
            "-k",
            min=1,
            help="Name so many classes for each image, the most probable first.",
        ),
    ] = 1,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    output_format: Annotated[
        PredictionFormat, typer.Option("--format", "-f", help="csv or jsonl.")
    ] = PredictionFormat.csv,
) -> None:
    """Predict the class of each image with the model in production: one row per file.

    The column note says what was done to an image of another kind than the model's input; the
    column error says why a file can't be read. Exit code 5 if there is such a file.
    """
    from tasks.serving.given_files import refuse_all_missing
    from tasks.serving.path_list import with_listed

    settings, _ = load(config, assignments, name=name, home=home)
    # Before the imports of what predicts.
    images = with_listed(images, None if sys.stdin is None else sys.stdin.buffer)
    refuse_all_missing(images)
    with quiet(settings.paths):
        from tasks.registry.mlflow_store import open_store
        from tasks.serving.predictor import predict_files

        store = open_store(settings.paths, settings.registry)
        table = predict_files(images, store, max_pixels=settings.data.max_pixels, top=top)
    show_predictions(table, output_format)
    unreadable = int(table["error"].notna().sum())
    if unreadable:
        raise UnreadableImagesError(
            f"{unreadable} of {len(table)} files can't be read; the reason is in the column error."
        )


@commands.command(epilog=examples("pixelgate runs", "pixelgate runs --json"))
def runs(home: Home = None, *, as_json: Json = False) -> None:
    """List the runs, the newest first."""
    from tasks.monitoring.run_list import list_runs

    settings, _ = load(None, None, home=home)
    show_runs(list_runs(settings.paths), as_json=as_json)


@commands.command(
    name="config",
    epilog=examples(
        "pixelgate config",
        "pixelgate config gate.sizes data.layout",
        "pixelgate config --changed --config retrain.toml",
        "pixelgate config --json",
    ),
)
def show_config(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Settings or groups to explain, such as gate.sizes; default: all."),
    ] = None,
    config: Config = None,
    assignments: Set = None,
    *,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only those that are not at their default.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print every setting with its value, source and meaning; explain those that are named."""
    from tasks.config.load import describe, named_rows

    rows = describe(*load(config, assignments))
    chosen = named_rows(rows, names) if names else rows
    chosen = [row for row in chosen if not changed or row["source"] != "default"]
    show_settings(chosen, is_explained=bool(names), as_json=as_json)
