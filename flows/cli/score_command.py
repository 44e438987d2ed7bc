"""The command that scores new images."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations when it runs
from typing import Annotated

import typer

from flows.cli.options import Config, Home, Json, Name, Set, as_path, examples, load, new_app
from flows.cli.printing import print_json, print_table
from flows.cli.screen import quiet, say

commands = new_app()


@commands.command(
    epilog=examples("pixelgate score /inbox/today", "pixelgate score /inbox/today --json")
)
def score(  # noqa: PLR0913 - each is a flag
    images: Annotated[
        list[Path],
        typer.Argument(help="Images, or folders of images.", parser=as_path, metavar="IMAGE"),
    ],
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Predict new images to Parquet, and say in what they differ from those the model knows.

    Without labels: the measures of the images, the answers and their confidence are compared, and
    the accuracy to expect is estimated from the confidence.
    """
    from tasks.serving.given_files import refuse_all_missing

    settings, _ = load(config, assignments, name=name, home=home)
    refuse_all_missing(images)
    with quiet(settings.paths):
        from tasks.registry.mlflow_store import open_store
        from tasks.serving.scoring import score_images

        result = score_images(images, open_store(settings.paths, settings.registry), settings)
    if as_json:
        print_json(result.as_dict() | {"predictions": str(result.predictions)})
        return
    rows = [(check.mark, check.rule, check.observed, check.threshold) for check in result.checks]
    print_table(("", "rule", "observed", "requires"), rows)
    say(f"predictions: {result.predictions}")
