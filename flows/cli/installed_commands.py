"""The group `models`: versions of a model, and the models that `pixelgate up` retrains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.model_display import show_models
from flows.cli.options import Config, Data, Home, Json, Name, Set, as_path, examples, load, new_app
from flows.cli.printing import print_records
from flows.cli.screen import quiet, say

if TYPE_CHECKING:
    from pathlib import Path

commands = new_app(
    help="List the versions of a model; add, list and remove the models of `pixelgate up`.",
    invoke_without_command=True,
)
# The bare command lists versions.
commands.info.no_args_is_help = False
InstalledName = Annotated[str, typer.Argument(help="Name of the model.", metavar="NAME")]


@commands.callback(
    epilog=examples(
        "pixelgate models",
        "pixelgate models --name photos --json",
        'pixelgate models add photos --data photos/ --cron "0 2 * * *"',
    )
)
def models(  # noqa: PLR0913 - each is a flag
    context: typer.Context,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the versions of a model, the newest first; or add, list and remove installed models."""
    if context.invoked_subcommand is not None:
        return
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.mlflow_store import open_store
        from tasks.registry.version_list import list_versions

        rows = list_versions(open_store(settings.paths, settings.registry))
    show_models(rows, as_json=as_json)


@commands.command(
    "add",
    epilog=examples(
        'pixelgate models add photos --data photos/ --cron "0 2 * * *"',
        "pixelgate models add digits --data digits/ --every 6h --config retrain.toml",
        'pixelgate models add clothes --data clothes/ --cron "0 2 * * *" --timezone Europe/Berlin',
        "pixelgate models add inbox --data inbox/ --watch",
    ),
)
def add(  # noqa: PLR0913 - each is a flag
    name: InstalledName,
    *,
    data: Data = None,
    config: Config = None,
    home: Home = None,
    cron: Annotated[str | None, typer.Option(help='Cron expression, such as "0 2 * * *".')] = None,
    every: Annotated[str | None, typer.Option(help="Interval, such as 90s, 30m, 6h or 1d.")] = None,
    time_zone: Annotated[
        str | None,
        typer.Option("--timezone", help="Of the cron expressions; default: that of this machine."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Also retrain when files have arrived in the folder.")
    ] = False,
    quiet_seconds: Annotated[
        float,
        typer.Option(min=1, max=86_400, help="How long the folder must be quiet before that."),
    ] = 30.0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change a model that is installed already.")
    ] = False,
) -> None:
    """Install a model: `pixelgate up` retrains it on its schedule, from now on.

    It becomes a TOML file in <home>/models, which can be edited.
    """
    from tasks.config.installed_models import checked_model, file_of, settings_of, write_model
    from tasks.errors import UsageError
    from tasks.runtime.time_zone import choose_time_zone
    from tasks.storage.writable_home import require_writable

    settings, _ = load(None, None, home=home)
    paths = settings.paths.renamed(name)
    if data is None:
        raise UsageError("--data DIR is missing: the folder of images that it is retrained on.")
    zone = choose_time_zone(time_zone) if cron or time_zone else None
    content = {
        "name": name,
        "data": _absolute(data),
        "config": _absolute(config),
        "cron": cron,
        "every": every,
        "timezone": zone,
        "watch": watch,
        "quiet_seconds": quiet_seconds,
    }
    model = checked_model(content, source=f"pixelgate models add {name}")
    if file_of(paths).exists() and not replace:
        raise UsageError(f"{name} is installed already, in {file_of(paths)}. Edit that file, or add"
                         " --replace.")  # fmt: skip
    settings_of(paths, model)
    require_writable(paths)
    file = write_model(paths, model)
    say(f"{name} is installed: {file}. `pixelgate up` retrains it.")


@commands.command("list", epilog=examples("pixelgate models list", "pixelgate models list --json"))
def list_installed(home: Home = None, *, as_json: Json = False) -> None:
    """List the installed models and when they are retrained."""
    from tasks.config.installed_models import sound_models
    from tasks.errors import SettingsError

    settings, _ = load(None, None, home=home)
    models, problems = sound_models(settings.paths)
    rows = [
        {
            "name": each.name,
            "schedule": each.cron or (f"every {each.every}" if each.every else "when files arrive"),
            "timezone": each.timezone or "UTC",
            "watch": each.watch,
            "data": str(each.data),
            "config": str(each.config or ""),
        }
        for each in models
    ]
    empty = 'None. pixelgate models add NAME --data DIR --cron "0 2 * * *" installs one.'
    if rows or not problems:
        print_records(rows, list(rows[0]) if rows else [], as_json=as_json, if_empty=empty)
    if problems:
        raise SettingsError("\n".join(problems))


@commands.command("remove", epilog=examples("pixelgate models remove photos"))
def remove(name: InstalledName, home: Home = None) -> None:
    """End the schedule of a model; its runs, versions and data stay."""
    from tasks.config.installed_models import file_of, find_model, installed_names

    settings, _ = load(None, None, home=home)
    paths = settings.paths.renamed(name)
    # A file that can't be read can be removed.
    if name not in installed_names(paths):
        find_model(paths)
    file_of(paths).unlink()
    say(f"{name} is not retrained any more. Its runs and versions stay.")


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(as_path(path).expanduser().absolute())
