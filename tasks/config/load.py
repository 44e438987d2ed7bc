"""TOML file, environment and flags go in; a checked RetrainConfig and its sources come out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo  # noqa: TC002 - part of a public signature
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


ENV_PREFIX = "PIXELGATE_"


class _Environment(BaseSettings, RetrainConfig):
    """RetrainConfig as pydantic-settings wants it, to read PIXELGATE_TRAINING__EPOCHS and so on."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter="__")


def load_config(
    file: Path | None = None,
    assignments: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> tuple[RetrainConfig, dict[str, str]]:
    """Merge defaults, a TOML file, the environment and flags, the later ones winning.

    Relative paths in the data and home settings are made absolute, so that a worker started
    elsewhere reads the same folders.

    Args:
        file: a TOML file in the shape of RetrainConfig.
        assignments: `part.name=value` from --set; the value is TOML, or else a plain string.
        overrides: dotted names to values, from flags of their own such as --data.

    Returns:
        The configuration, and for each dotted name that is not at its default its source.

    Raises:
        SettingsError: a name is unknown, a value is out of range, or the file is no TOML.
    """
    layers = {
        f"file {file}": _from_toml(file) if file else {},
        "environment": _from_environment(),
        "--set": _nest(_assignment(text) for text in assignments),
        "flag": _nest((overrides or {}).items()),
    }
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source, values in layers.items():
        for name, value in _leaves(values):
            _put(merged, name, value)
            origins[name] = source
    return _absolute(_checked(merged, origins)), origins


def with_settings(config: RetrainConfig, changes: Mapping[str, Any]) -> RetrainConfig:
    """Return the settings with other values under these dotted names.

    Raises:
        SettingsError: a name is unknown or a value is out of range.
    """
    values = config.model_dump()
    for name, value in changes.items():
        _put(values, name, value)
    return _checked(values, dict.fromkeys(changes, "--search"))


def describe(config: RetrainConfig, origins: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a row a setting: its dotted name, value, source and meaning."""
    return [
        {
            "setting": name,
            "value": str(value),
            "source": _origin(name, origins) or "default",
            "meaning": field.description or type(value).__doc__ or "",
        }
        for name, field, value in _fields(config)
    ]


def _fields(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field, value


def _from_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"No settings file at {file}. Give an existing TOML file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} is not readable as TOML: {error}") from None


def _from_environment() -> dict[str, Any]:
    """Only what the environment says: a settings source asked by itself, not a model built."""
    source = EnvSettingsSource(_Environment)
    found: dict[str, Any] = source()
    return found


def _assignment(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise SettingsError(f"--set wants part.name=value, such as training.epochs=5. Got: {text}")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value


def _nest(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in pairs:
        _put(nested, name, value)
    return nested


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    *parts, last = name.split(".")
    for part in parts:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    tree[last] = value


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _checked(values: dict[str, Any], origins: Mapping[str, str]) -> RetrainConfig:
    try:
        return RetrainConfig.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_problems(error, origins))) from None


def _problems(error: ValidationError, origins: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"] if part in _known_words(problem))
        source = _origin(name, origins)
        told = f" (from {source})" if source else ""
        if problem["type"] == "extra_forbidden":
            yield f"{name}: no such setting{told}. `pixelgate config` lists them all."
        else:
            yield f"{name}: {problem['msg']}. Received: {problem['input']!r}{told}."


def _known_words(problem: Any) -> list[Any]:
    """The parts of a location that a user wrote, not pydantic's names of union members."""
    return [part for part in problem["loc"] if isinstance(part, str) and part.isidentifier()]


def _origin(name: str, origins: Mapping[str, str]) -> str | None:
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((origins[prefix] for prefix in prefixes if prefix in origins), None)


def _absolute(config: RetrainConfig) -> RetrainConfig:
    data = config.data
    paths = {
        name: path.expanduser().absolute()
        for name in ("directory", "manifest")
        if (path := getattr(data, name)) is not None
    }
    return config.model_copy(
        update={
            "home": Path(config.home).expanduser().absolute(),
            "data": data.model_copy(update=paths),
        }
    )
