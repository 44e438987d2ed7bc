"""The command line: parses, calls, prints; a command imports the heavy libraries it needs."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import data_commands
from flows.display import Lines, show_predictions, show_runs, show_settings, show_summary
from flows.options import Config, Data, Force, Home, Json, Name, Set, examples, load, new_app
from flows.screen import errors_as_messages, quiet, say
from flows.tune_command import tune
from tasks import environment

if TYPE_CHECKING:
    from tasks.config import RetrainConfig

app = new_app(
    name="pixelgate",
    help="Scheduled retraining for image classifiers that lets nothing bad through.",
)
app.add_typer(data_commands.baseline, name="baseline")
app.add_typer(data_commands.quarantine, name="quarantine")
app.command(
    epilog=examples(
        "pixelgate inventory photos/",
        "pixelgate inventory photos/ -o inventory.parquet",
        "pixelgate inventory photos/ --explain cat/0017.jpg",
    )
)(data_commands.inventory)
app.command(
    epilog=examples(
        "pixelgate gate photos/",
        "pixelgate gate photos/ --set gate.class_size.min_files=50 --json",
        "pixelgate gate photos/ --suggest > retrain.toml",
        "pixelgate gate photos/ --accept-with-reason 'two copies are meant, see ticket 17'",
    )
)(data_commands.gate)
app.command(
    epilog=examples("pixelgate drill photos/", "pixelgate drill photos/ --config retrain.toml")
)(data_commands.drill)
app.command(
    epilog=examples(
        "pixelgate tune --data photos/ --search training.learning_rate=0.0005..0.02:log",
        "pixelgate tune --data photos/ --search training.model=fast_cnn,small_cnn"
        " --search generators.rotation_range=0..20.0 --trials 30 > best.toml",
    )
)(tune)


def main() -> None:
    """Run the command line; every foreseen end is a message and an exit code, not a traceback."""
    environment.prepare()
    with errors_as_messages():
        app()


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
    as_json: Json = False,
) -> None:
    """Retrain once: inventory, validate, generators, train, evaluate, register."""
    settings, _ = load(
        config, assignments, data__directory=data, name=name, home=home, force=force or None
    )
    _finish(_retrain(settings), as_json=as_json)


@app.command(epilog=examples("pixelgate demo", "pixelgate demo --home /tmp/demo --json"))
def demo(home: Home = None, *, force: Force = False, as_json: Json = False) -> None:
    """Retrain on the 1,797 handwritten digits that come inside scikit-learn."""
    from flows.demo import SETTINGS, next_steps, write_digits

    flags = {"home": home, "force": force or None}
    settings, _ = load(None, None, **SETTINGS, **flags)
    folder = write_digits(settings.home / "demo" / "digits")
    summary = _retrain(load(None, None, data__directory=folder, **SETTINGS, **flags)[0])
    if not summary["exit_code"]:
        say(next_steps(folder, settings.home))
    _finish(summary, as_json=as_json)


@app.command(
    epilog=examples("pixelgate predict new/", "pixelgate predict a.png b.png --format jsonl")
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
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.home):
        from tasks.prediction import predict_files

        table = predict_files(images, settings)
    show_predictions(table, as_format)
    unread = int(table["error"].notna().sum())
    if unread:
        say(f"{unread} of {len(table)} files can't be read; the reason is in the column error.")
        raise typer.Exit(2)


@app.command(epilog=examples("pixelgate runs", "pixelgate runs --json"))
def runs(home: Home = None, *, as_json: Json = False) -> None:
    """List the runs, the newest first."""
    from tasks.runs import list_runs

    settings, _ = load(None, None, home=home)
    show_runs(list_runs(settings.home), as_json=as_json)


@app.command(
    name="config",
    epilog=examples("pixelgate config", "pixelgate config --config retrain.toml --json"),
)
def show_config(
    config: Config = None,
    assignments: Set = None,
    *,
    as_json: Json = False,
) -> None:
    """Print every setting, its value, where it came from, and what it means."""
    from tasks.settings import describe

    show_settings(describe(*load(config, assignments)), as_json=as_json)


@app.command(
    epilog=examples(
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

    settings, _ = load(config, assignments, data__directory=data, name=name, home=home)
    schedule = check_schedule(settings, cron=cron, every=every)
    with quiet(settings.home):
        serve_schedule(settings, schedule)


if __name__ == "__main__":
    main()
