"""Settings with ranges or choices, as written on the command line, go in; a search space comes out.

| written | means |
|---|---|
| `training.learning_rate=0.0005..0.02:log` | a number in this range, on a logarithmic scale |
| `generators.rotation_range=0..20.0` | a number in this range; an integer if both ends are |
| `training.model=fast_cnn,small_cnn` | one of these |
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tasks.config.load import with_settings
from tasks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.schema import RetrainConfig

# Only what a training reads: other settings change the data or the verdict, not the model.
SEARCHED = ("training.", "generators.")


def parse_space(texts: Sequence[str], config: RetrainConfig) -> dict[str, BaseDistribution]:
    """Read a search space.

    Args:
        texts: `NAME=LOW..HIGH`, `NAME=LOW..HIGH:log` or `NAME=ONE,TWO,...` each.
        config: accepts both ends and each choice as values of their settings.

    Raises:
        SettingsError: a text can't be read, names no setting of training or generators, or has a
            value that is not allowed.
    """
    if not texts:
        raise SettingsError(
            "Name at least one setting to search, such as"
            " --search training.learning_rate=0.0005..0.02:log"
        )
    space: dict[str, BaseDistribution] = {}
    for text in texts:
        name, separator, values = text.partition("=")
        if not separator or not name.startswith(SEARCHED):
            raise SettingsError(
                "--search needs training.NAME or generators.NAME and =LOW..HIGH, =LOW..HIGH:log or"
                f" =ONE,TWO. Received: {text}"
            )
        space[name], ends = _distribution(text, values)
        # Now, rather than by a trial that fails an hour later.
        for value in ends:
            with_settings(config, {name: value})
    return space


def _distribution(text: str, values: str) -> tuple[BaseDistribution, list[Any]]:
    bounds, _, scale = values.partition(":")
    low, dots, high = bounds.partition("..")
    if not dots:
        choices = [_plain(choice.strip()) for choice in values.split(",")]
        return CategoricalDistribution(choices), choices
    ends = [_plain(low), _plain(high)]
    if scale not in ("", "log") or not all(isinstance(end, int | float) for end in ends):
        raise SettingsError(
            f"--search needs numbers, as in LOW..HIGH or LOW..HIGH:log. Received: {text}"
        )
    integers = all(isinstance(end, int) for end in ends)
    kind = IntDistribution if integers else FloatDistribution
    try:
        return kind(ends[0], ends[1], log=scale == "log"), ends
    except ValueError as error:
        raise SettingsError(f"--search {text}: {error}") from None


def _plain(text: str) -> Any:
    """Read a value as TOML would, or as a plain string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
