"""Variables named PIXELGATE_... go in; settings as nested dictionaries come out."""

from __future__ import annotations

import difflib
import json
import os
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_PREFIX, DELIMITER = "PIXELGATE_", "__"
# Of deployments/compose.yaml, `make test-real` and alarms, and not settings of a run. The first one
# is also a group of settings: as such it holds JSON.
DATA = "PIXELGATE_DATA"
OTHER_VARIABLES = frozenset(
    {
        DATA,
        "PIXELGATE_ALARMS_RECEIVERS",
        "PIXELGATE_CRON",
        "PIXELGATE_TIMEZONE",
        "PIXELGATE_MODEL",
        "PIXELGATE_REAL_DATA",
    }
)
# Settings that are gone, with those that do their work now.
REPLACED = {"registry.max_accuracy_drop": "promotion.margin"}


class _Environment(BaseSettings, RetrainConfig):
    """RetrainConfig as pydantic-settings reads it, from PIXELGATE_TRAINING__EPOCHS and so on."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter=DELIMITER)


def settings_from_environment() -> dict[str, Any]:
    """Return the settings that are in the environment.

    Raises:
        SettingsError: a variable names no setting, or its value is not the JSON its setting needs.
    """
    given = {name: os.environ[name] for name in sorted(os.environ) if _is_setting(name)}
    for name, value in given.items():
        _require_name(name.upper())
        if name.upper() in _groups():
            _require_object(name, value)
    try:
        return _values(given)
    except UnreadableError:
        # pydantic-settings names only the group, and not the variable.
        raise SettingsError(_unreadable(given)) from None


def nearest_setting(name: str) -> str:
    """Return " Did you mean ...?" with the setting whose dotted name is nearest; "" if none is."""
    if name in REPLACED:
        return f" It was replaced by {REPLACED[name]}."
    names = [*_dotted(RetrainConfig)]
    return "".join(f" Did you mean {each}?" for each in difflib.get_close_matches(name, names, n=1))


def _is_setting(name: str) -> bool:
    upper = name.upper()
    if upper == DATA:
        return os.environ[name].lstrip().startswith("{")
    return upper.startswith(ENV_PREFIX) and upper not in OTHER_VARIABLES


def _values(variables: Mapping[str, str]) -> dict[str, Any]:
    # The source alone, without building the model: it would mix in the defaults, and the source
    # of each setting would be lost.
    source = EnvSettingsSource(_Environment)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    values: dict[str, Any] = source()
    return values


def _require_name(variable: str) -> None:
    """Refuse a variable that names no setting, which would be ignored."""
    part: type[BaseModel] | None = RetrainConfig
    for word in variable.removeprefix(ENV_PREFIX).lower().split(DELIMITER):
        if part is None:
            # Below a setting are the keys of its dictionary; the setting itself checks them.
            return
        field = part.model_fields.get(word)
        if field is None:
            known = [_variable(name) for name in _dotted(RetrainConfig)]
            close = difflib.get_close_matches(variable, known, n=1)
            raise SettingsError(
                f"{variable} in the environment names no setting."
                + "".join(f" Did you mean {name}?" for name in close)
                + " `pixelgate config` lists all settings."
            )
        part = type(field.default) if isinstance(field.default, BaseModel) else None


def _require_object(variable: str, value: str) -> None:
    """Refuse a group, such as PIXELGATE_TRAINING, that is no JSON object."""
    try:
        content = json.loads(value)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        group = variable.upper()
        example = next(name for name in map(_variable, _dotted(RetrainConfig)) if group in name)
        raise SettingsError(
            f"{variable} in the environment must be a JSON object of settings; to set one of them,"
            f" use a variable such as {example}. Received: {value!r}"
        )


def _unreadable(variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        try:
            _values({name: value})
        except UnreadableError:
            return f"{name} in the environment must be JSON. Received: {value!r}"
    return "The settings in the environment contradict each other."


def _groups() -> set[str]:
    """Return the variables that stand for a group of settings."""
    names = [name.split(".")[:-1] for name in _dotted(RetrainConfig)]
    return {_variable(".".join(words[:end])) for words in names for end in range(1, len(words) + 1)}


def _dotted(part: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings."""
    for name, field in part.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _dotted(type(field.default), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _variable(dotted: str) -> str:
    return ENV_PREFIX + dotted.replace(".", DELIMITER).upper()
