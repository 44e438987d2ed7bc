"""The commands about registered models: models, live, promote, rollback, diff, lineage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.model_display import (
    show_diff,
    show_hand_over,
    show_image_lineage,
    show_model_lineage,
    show_reigns,
)
from flows.cli.options import Config, Home, Json, Name, Set, examples, load, new_app
from flows.cli.screen import quiet

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig
    from tasks.registry.mlflow_store import ModelStore

commands = new_app()

Reason = Annotated[str, typer.Option("--reason", help="Kept in the ledger.")]
WithoutGolden = Annotated[
    bool,
    typer.Option("--without-golden", help="Don't look at the images of evaluation.golden_dir."),
]
Version = Annotated[str, typer.Argument(help="Number or alias of a version.", metavar="VERSION")]


def _store(settings: RetrainConfig) -> ModelStore:
    from tasks.registry.mlflow_store import open_store

    return open_store(settings.paths, settings.registry)


@commands.command(
    epilog=examples(
        "pixelgate live",
        "pixelgate live --at 2026-03-03",
        "pixelgate live --at 2026-03-03T14:30+01:00",
    )
)
def live(  # noqa: PLR0913 - each is a flag
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            help="Date or time, ISO 8601; UTC unless it names an offset. A date lists all versions"
            " of that day. Default: now."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which version was in production at a time, since when, by whom and why."""
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.decision_ledger import now
        from tasks.registry.ledger_check import list_reigns
        from tasks.registry.reigns import reigns_at

        rows = reigns_at(list_reigns(_store(settings)), at or now())
    show_reigns(rows, as_json=as_json)


@commands.command(epilog=examples("pixelgate promote 7 --reason 'approved by QA, see ticket 12'"))
def promote(  # noqa: PLR0913, PLR0917 - each is a flag
    version: Version,
    reason: Reason,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    without_golden: WithoutGolden = False,
) -> None:
    """Put a version into production, whatever the model gate said of it.

    Its file is checked against the hash that was registered, and it must know the images of
    evaluation.golden_dir, if that is set. The decision, who made it and the reason are kept in the
    ledger.
    """
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.by_hand import promote_version
        from tasks.registry.golden_inspection import golden_inspection

        store = _store(settings)
        inspect = None if without_golden else golden_inspection(store, settings)
        done = promote_version(store, version, reason=reason, inspect=inspect)
    show_hand_over(done, settings.name)


@commands.command(
    epilog=examples(
        "pixelgate rollback --reason 'confuses dogs with wolves'",
        "pixelgate rollback --to 4 --reason 'the last one before the new camera'",
    )
)
def rollback(  # noqa: PLR0913, PLR0917 - each is a flag
    reason: Reason,
    to: Annotated[
        str | None,
        typer.Option(help="A version that was in production; default: the one before."),
    ] = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    without_golden: WithoutGolden = False,
) -> None:
    """Return to a version that was in production before; twice goes back two.

    A version whose file is lost or changed is refused, and one that misses an image of
    evaluation.golden_dir, if that is set.
    """
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.by_hand import roll_back
        from tasks.registry.golden_inspection import golden_inspection

        store = _store(settings)
        inspect = None if without_golden else golden_inspection(store, settings)
        done = roll_back(store, to, reason=reason, inspect=inspect)
    show_hand_over(done, settings.name)


@commands.command(
    epilog=examples("pixelgate diff 3 4", "pixelgate diff champion challenger --json")
)
def diff(  # noqa: PLR0913, PLR0917 - each is a flag
    a: Version,
    b: Version,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Compare two versions: metrics, changed answers, data and settings."""
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.version_diff import diff_versions

        result = diff_versions(_store(settings), a, b, settings.promotion)
    show_diff(result, as_json=as_json)


@commands.command(
    epilog=examples(
        "pixelgate lineage champion",
        "pixelgate lineage 20261125-195540-d653 --json",
        "pixelgate lineage photos/cat/0017.jpg",
    )
)
def lineage(  # noqa: PLR0913 - each is a flag
    what: Annotated[
        str,
        typer.Argument(
            help="A version's number or alias, a run's id, or an image file.",
            metavar="MODEL|RUN|FILE",
        ),
    ],
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Say which images trained a model, or which models saw an image."""
    settings, _ = load(config, assignments, name=name, home=home)
    # Decided before the working directory could matter to a library.
    file = Path(what)
    with quiet(settings.paths):
        from tasks.registry.lineage import trace_image, trace_model

        store = _store(settings)
        if file.is_file() and not what.isdecimal():
            rows = trace_image(store, file, max_pixels=settings.data.max_pixels)
        else:
            origin = trace_model(store, what)
    if file.is_file() and not what.isdecimal():
        show_image_lineage(rows, as_json=as_json)
    else:
        show_model_lineage(origin, as_json=as_json)


@commands.command(
    epilog=examples("pixelgate card champion", "pixelgate card 3 > README.md"),
)
def card(
    version: Version,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
) -> None:
    """Print a version's model card: Markdown with the head that the Hugging Face Hub reads."""
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.reporting.model_card import read_card

        text = read_card(_store(settings), version)
    sys.stdout.write(text)
