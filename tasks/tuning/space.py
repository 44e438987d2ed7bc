"""What a search may change: a setting and its range or choices, as they stand on the command line.

| written | means |
|---|---|
| `training.learning_rate=0.0005..0.02:log` | a number between two, drawn on a logarithmic scale |
| `generators.rotation_range=0..20.0` | a number between two (whole ones if both ends are) |
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

SEARCHED = ("training.", "generators.")


def parse_space(texts: Sequence[str], config: RetrainConfig) -> dict[str, BaseDistribution]:
    """Read what is to be searched.

    Args:
        texts: `NAME=LOW..HIGH`, `NAME=LOW..HIGH:log` or `NAME=ONE,TWO,...` each.
        config: both ends and each choice have to be allowed in it.

    Raises:
        SettingsError: one can't be read, is no setting of training or generators, or is out of
            range.
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
                "--search wants training.NAME or generators.NAME and =LOW..HIGH, =LOW..HIGH:log or"
                f" =ONE,TWO. Got: {text}"
            )
        space[name], ends = _distribution(text, values)
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
            f"--search wants numbers, as in LOW..HIGH or LOW..HIGH:log. Got: {text}"
        )
    whole = all(isinstance(end, int) for end in ends)
    kind = IntDistribution if whole else FloatDistribution
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
