"""The command that searches for better settings."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Config, Data, Home, Json, Name, Set, examples, load_for_run, new_app
from flows.cli.run_display import show_search, trial_line
from flows.cli.screen import quiet, say

commands = new_app()

Search = Annotated[
    list[str] | None,
    typer.Option(
        "--search",
        help="A setting and its range: NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=ONE,TWO; can be"
        " repeated.",
    ),
]


@commands.command(
    epilog=examples(
        "pixelgate tune --data photos/ --search training.learning_rate=0.0005..0.02:log",
        "pixelgate tune --data photos/ --search training.model=fast_cnn,small_cnn"
        " --search generators.rotation_range=0..20.0 --trials 30 > best.toml",
    )
)
def tune(  # noqa: PLR0913 - each is a flag
    *,
    data: Data = None,
    search: Search = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Number of trials, including those of an interrupted search.")
    ] = 20,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Search settings for a better validation accuracy; the same command resumes a search.

    The data gate comes first, as in a run. Each trial trains once; the test split is not used, and
    nothing is registered. Trials are logged to MLflow, in the experiment NAME-tuning.
    """
    settings = load_for_run(config, assignments, data__directory=data, name=name, home=home)
    with quiet(settings.paths):
        from tasks.orchestration.gate_run import admit_data
        from tasks.tuning.search import search_settings
        from tasks.tuning.space import parse_space

        space = parse_space(search or [], settings)
        say("the data gate judges the data of all trials")
        result = search_settings(
            settings,
            space,
            admit_data(settings),
            trials=trials,
            on_trial=lambda trial: say(trial_line(trial)),
        )
    show_search(result, as_json=as_json)
