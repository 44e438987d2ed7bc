"""TOML file, environment and flags go in; a checked RetrainConfig and its sources come out."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from tasks.config.accepted import accepted_values
from tasks.config.env_settings import nearest_setting, settings_from_environment
from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def load_config(
    file: Path | None = None,
    assignments: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> tuple[RetrainConfig, dict[str, str]]:
    """Merge defaults, a TOML file, the environment and flags; later sources win.

    Relative paths in the data and home settings are made absolute, so that a worker started
    in another folder reads the same files.

    Args:
        file: a TOML file in the shape of RetrainConfig.
        assignments: `part.name=value` from --set; the value is TOML, or else a plain string.
        overrides: values by dotted name, from dedicated flags such as --data.

    Returns:
        The configuration, and the source of each setting that is not at its default, by its
        dotted name.

    Raises:
        SettingsError: a name is unknown, a value is out of range, or the file is not valid TOML.
    """
    # What is said for one run wins over what is set for all.
    layers = {
        f"file {file}": _from_toml(file) if file else {},
        "environment": settings_from_environment(),
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
    """Return the settings with some values replaced, by their dotted names.

    Raises:
        SettingsError: a name is unknown or a value is out of range.
    """
    # Not model_copy, which would accept any name and value.
    values = config.model_dump()
    for name, value in changes.items():
        _put(values, name, value)
    return _checked(values, dict.fromkeys(changes, "--search"))


def describe(config: RetrainConfig, origins: Mapping[str, str]) -> list[dict[str, str]]:
    """Return one row per setting: name, value, source, meaning, default and what it accepts."""
    accepted = accepted_values()
    return [
        {
            "setting": name,
            "value": str(value),
            "source": _origin(name, origins) or "default",
            "meaning": meaning,
            "default": accepted[name][1],
            "accepts": accepted[name][0],
        }
        for name, value, meaning in _settings(config)
    ]


def named_rows(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> list[Mapping[str, str]]:
    """Return the rows that some names mean: a setting, a group such as gate.sizes, or a word.

    Raises:
        SettingsError: nothing is called so.
    """
    found: dict[str, Mapping[str, str]] = {}
    for name in names:
        settings = [row["setting"] for row in rows]
        own = [each for each in settings if f"{each}.".startswith(f"{name}.")]
        own = own or [each for each in settings if name.lower() in each.split(".")]
        if not own:
            groups = {each.rpartition(".")[0] for each in settings}
            close = difflib.get_close_matches(name, sorted(groups | {*settings}), n=1)
            near = f" Did you mean {close[0]}?" if close else nearest_setting(name)
            raise SettingsError(
                f"{name}: no such setting.{near} `pixelgate config` lists them all."
            )
        found |= {row["setting"]: row for row in rows if row["setting"] in own}
    return [*found.values()]


def _settings(
    part: BaseModel, prefix: str = "", introduction: str = ""
) -> Iterator[tuple[str, Any, str]]:
    """Yield dotted name, value and meaning of every setting of a part.

    The description of a group, such as the sentence of a rule, introduces its first setting: the
    group has no row of its own.
    """
    for name, field in type(part).model_fields.items():
        value, description = getattr(part, name), field.description or ""
        if isinstance(value, BaseModel):
            yield from _settings(value, f"{prefix}{name}.", description)
        else:
            yield f"{prefix}{name}", value, f"{introduction} {description}".strip()
            introduction = ""


def _from_toml(file: Path) -> dict[str, Any]:
    # Not TomlConfigSettingsSource of pydantic-settings: it passes over a file that is missing, or
    # no regular file such as a pipe, and a run would start with the defaults.
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"No settings file at {file}. Give an existing TOML file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} can't be read as TOML: {error}") from None


def _assignment(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise SettingsError(
            f"--set expects part.name=value, such as training.epochs=5. Received: {text}"
        )
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        # Names and paths need no quotes inside the shell's.
        return name.strip(), value


def _nest(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in pairs:
        _put(nested, name, value)
    return nested


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    *parts, last = name.split(".")
    for part in parts:
        # A value of the wrong kind, such as data = 3, is replaced: the later source wins.
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
        # Other parts of a location are pydantic's: members of unions, positions in lists.
        words = (word for word in problem["loc"] if isinstance(word, str) and word.isidentifier())
        name = ".".join(words)
        source = _origin(name, origins)
        origin = f" (from {source})" if source else ""
        if problem["type"] == "extra_forbidden":
            yield (
                f"{name}: no such setting{origin}.{nearest_setting(name)} `pixelgate config` lists"
                " them all."
            )
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            yield f"{name}: {message}. Received: {problem['input']!r}{origin}."


def _origin(name: str, origins: Mapping[str, str]) -> str | None:
    parts = name.split(".")
    outer = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    source = next((origins[each] for each in outer if each in origins), None)
    # A setting that is a dictionary has the source of its keys.
    inner = (origins[each] for each in origins if each.startswith(f"{name}."))
    return source or next(inner, None)


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
