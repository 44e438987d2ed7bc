"""The command line: parses, calls, prints; a command imports the heavy libraries it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.display import (
    Lines,
    show_inventory,
    show_predictions,
    show_runs,
    show_settings,
    show_summary,
    show_verdict,
)
from flows.screen import errors_as_messages, quiet, say
from tasks import environment

if TYPE_CHECKING:
    from tasks.config import RetrainConfig

EXIT_CODES = """\
Exit codes: 0 the run ended well (promoted, champion kept, or nothing new to learn); 1 an unexpected
fault; 2 wrong usage or settings; 3 the data gate rejected the data; 4 the model gate rejected the
model.
"""
app = typer.Typer(
    name="pixelgate",
    help="Scheduled retraining for image classifiers that lets nothing bad through.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of images, or a CSV or Parquet manifest.")
]
Folder = Annotated[Path, typer.Argument(help="Folder of images, or a CSV or Parquet manifest.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="TOML file of settings.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="A setting, such as training.epochs=5; can be repeated."),
]
Name = Annotated[str | None, typer.Option("--name", help="Name of the registered model.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of runs/ and state/.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, all else on stderr.")]
Force = Annotated[bool, typer.Option("--force", help="Train although nothing has changed.")]


def main() -> None:
    """Run the command line; every foreseen end is a message and an exit code, not a traceback."""
    environment.prepare()
    with errors_as_messages():
        app()


def _examples(*lines: str) -> str:
    return "\n\n".join(["Examples:", *lines, EXIT_CODES])


def _load(
    config: Path | None,
    assignments: list[str] | None,
    **flags: Any,
) -> tuple[RetrainConfig, dict[str, str]]:
    from tasks.settings import load_config

    given = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    return load_config(config, assignments or (), given)


def _retrain(settings: RetrainConfig) -> dict[str, Any]:
    """Run the flow in this process and return its summary."""
    from tasks.settings import existing_directory

    existing_directory(settings.data)
    with quiet(settings.home):
        from flows.retrain import retrain

        state = retrain(settings, return_state=True)
        summary = state.result(raise_on_failure=False)
        if isinstance(summary, BaseException):
            raise summary
        return dict(summary)


def _finish(summary: dict[str, Any], *, as_json: bool) -> None:
    show_summary(summary, as_json=as_json)
    raise typer.Exit(summary["exit_code"])


@app.command(
    epilog=_examples(
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
    as_json: Json = False,
) -> None:
    """Retrain once: inventory, validate, generators, train, evaluate, register."""
    settings, _ = _load(
        config, assignments, data__directory=data, name=name, home=home, force=force or None
    )
    _finish(_retrain(settings), as_json=as_json)


@app.command(epilog=_examples("pixelgate demo", "pixelgate demo --home /tmp/demo --json"))
def demo(home: Home = None, *, force: Force = False, as_json: Json = False) -> None:
    """Retrain on the 1,797 handwritten digits that come inside scikit-learn."""
    from flows.demo import SETTINGS, next_steps, write_digits

    flags = {"home": home, "force": force or None}
    settings, _ = _load(None, None, **SETTINGS, **flags)
    folder = write_digits(settings.home / "demo" / "digits")
    summary = _retrain(_load(None, None, data__directory=folder, **SETTINGS, **flags)[0])
    if not summary["exit_code"]:
        say(next_steps(folder, settings.home))
    _finish(summary, as_json=as_json)


@app.command(
    epilog=_examples("pixelgate inventory photos/", "pixelgate inventory photos/ -o i.parquet")
)
def inventory(
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Parquet file to write.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Read every picture of a folder and say what is there."""
    settings, _ = _load(config, assignments, data__directory=directory)
    with quiet(settings.home):
        from tasks.files import write_parquet
        from tasks.inventory.columns import fingerprint
        from tasks.inventory.scan import take_inventory

        found = take_inventory(
            settings.data, seed=settings.seed, cache=settings.state / "inventory"
        )
        if output is not None:
            write_parquet(output, found)
    show_inventory(found, fingerprint(found), as_json=as_json)


@app.command(
    epilog=_examples(
        "pixelgate gate photos/", "pixelgate gate photos/ --set gate.class_size.min_files=50 --json"
    )
)
def gate(
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Inventory and validation alone: may this data be trained on? Exit 0 or 3."""
    settings, _ = _load(config, assignments, data__directory=directory, home=home)
    with quiet(settings.home):
        from tasks.judging import judge_data

        verdict, summary = judge_data(settings)
    show_verdict(verdict, summary, as_json=as_json)
    raise typer.Exit(summary["exit_code"])


@app.command(
    epilog=_examples("pixelgate predict new/", "pixelgate predict a.png b.png --format jsonl")
)
def predict(  # noqa: PLR0913 - each is a flag
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    *,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    as_format: Annotated[Lines, typer.Option("--format", "-f", help="csv or jsonl.")] = Lines.csv,
) -> None:
    """Name the class of each picture with the model in production."""
    settings, _ = _load(config, assignments, name=name, home=home)
    with quiet(settings.home):
        from tasks.prediction import predict_files

        table = predict_files(images, settings)
    show_predictions(table, as_format)
    unread = int(table["error"].notna().sum())
    if unread:
        say(f"{unread} of {len(table)} files can't be read; the reason is in the column error.")
        raise typer.Exit(2)


@app.command(epilog=_examples("pixelgate runs", "pixelgate runs --json"))
def runs(home: Home = None, *, as_json: Json = False) -> None:
    """List the runs, the newest first."""
    from tasks.runs import list_runs

    settings, _ = _load(None, None, home=home)
    show_runs(list_runs(settings.home), as_json=as_json)


@app.command(
    name="config",
    epilog=_examples("pixelgate config", "pixelgate config --config retrain.toml --json"),
)
def show_config(
    config: Config = None,
    assignments: Set = None,
    *,
    as_json: Json = False,
) -> None:
    """Print every setting, its value, where it came from, and what it means."""
    from tasks.settings import describe

    show_settings(describe(*_load(config, assignments)), as_json=as_json)


@app.command(
    epilog=_examples(
        'pixelgate serve --data photos/ --cron "0 2 * * *"',
        "pixelgate serve --data photos/ --every 6h --config retrain.toml",
    )
)
def serve(  # noqa: PLR0913 - each is a flag
    *,
    data: Data = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    cron: Annotated[str | None, typer.Option(help='Cron expression, such as "0 2 * * *".')] = None,
    every: Annotated[str | None, typer.Option(help="Interval, such as 90s, 30m, 6h or 1d.")] = None,
) -> None:
    """Keep retraining on a schedule, in this process, until it is stopped.

    Uses the Prefect server that PREFECT_API_URL names, or starts one of its own.
    """
    from flows.schedule import check_schedule, serve_schedule

    settings, _ = _load(config, assignments, data__directory=data, name=name, home=home)
    schedule = check_schedule(settings, cron=cron, every=every)
    with quiet(settings.home):
        serve_schedule(settings, schedule)


if __name__ == "__main__":
    main()
