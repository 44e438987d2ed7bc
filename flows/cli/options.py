"""The options that commands share go in; settings come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig

EXIT_CODES = """\
Exit codes: 0 success (promoted, champion kept, or unchanged); 1 an unexpected fault, or a failed
drill; 2 wrong usage or settings; 3 the data gate rejected the data; 4 the model gate rejected the
model; 5 predict could not read some of the images; 6 status found a model that needs attention, 7
one that is failing.
"""


def as_path(text: str | Path) -> Path:
    """Return a path; `Path` alone would take an empty one for the working directory."""
    if not str(text).strip():
        raise typer.BadParameter("the path is empty.")
    return Path(text)


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of images, or a CSV or Parquet manifest.",
        parser=as_path,
        metavar="PATH",
    ),
]
Folder = Annotated[
    Path,
    typer.Argument(
        help="Folder of images, or a CSV or Parquet manifest.",
        parser=as_path,
        metavar="DIRECTORY",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file of settings.", parser=as_path, metavar="PATH"),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="A setting, such as training.epochs=5; can be repeated."),
]
Name = Annotated[str | None, typer.Option("--name", help="Name of the registered model.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder that holds runs/ and state/.",
        show_default=False,
        parser=as_path,
        metavar="PATH",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout, everything else on stderr.")
]
WithoutChampion = Annotated[
    bool,
    typer.Option(
        "--without-champion", help="Judge the new model as if no model were in production."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Train even if nothing has changed.")]


def new_app(**options: Any) -> typer.Typer:
    """Return an app, or a group of commands, with the options all of them have."""
    return typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXIT_CODES,
        **options,
    )


def examples(*lines: str) -> str:
    """Return the end of a command's help: examples and exit codes."""
    # Click joins lines; only paragraphs stay apart.
    return "\n\n".join(["Examples:", *lines, EXIT_CODES])


def load(
    config: Path | None,
    assignments: list[str] | None,
    **flags: Any,
) -> tuple[RetrainConfig, dict[str, str]]:
    """Return the settings, and the source of each that is not at its default.

    Args:
        config: TOML file.
        assignments: of --set.
        flags: values of other flags; `data__directory` is the setting data.directory.

    Raises:
        SettingsError: a name is unknown or a value is out of range.
    """
    from tasks.config.load import load_config

    given = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    return load_config(config, assignments or (), given)


def load_for_run(config: Path | None, assignments: list[str] | None, **flags: Any) -> RetrainConfig:
    """Return the settings of a command that reads the data; see `load`.

    Raises:
        SettingsError: a name is unknown, a value is out of range, or a file is missing.
        DataFolderError: the data folder is not set or missing.
    """
    from tasks.config.required_files import require_files

    settings, _ = load(config, assignments, **flags)
    # Before `quiet` creates the home folder, and before the libraries' seconds of import.
    require_files(settings)
    return settings
