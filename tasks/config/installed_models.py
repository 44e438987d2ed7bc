"""The models of an installation: one TOML file each, which say what is retrained, and when."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tomlkit
from cronsim import CronSim, CronSimError
from pydantic import Field, ValidationError, field_validator, model_validator

from tasks.config.base import Part, PathName
from tasks.config.data import existing_data
from tasks.config.load import load_config
from tasks.errors import SettingsError, UsageError
from tasks.runtime.time_zone import choose_time_zone
from tasks.storage.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.config.schema import RetrainConfig
    from tasks.storage.home import Home

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
WEEKLY = "0 6 * * 1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
CRON_FIELDS = 5
LONGEST = timedelta(days=3650)


class InstalledModel(Part):
    """A model that `pixelgate up` retrains."""

    name: str = Field(description="Of the model.")
    data: PathName = Field(description="Folder of images, or a manifest.")
    config: PathName | None = Field(None, description="TOML file of settings.")
    cron: str | None = Field(None, description='When it is retrained, such as "0 2 * * *".')
    every: str | None = Field(None, description="Or how often: 90s, 30m, 6h or 1d.")
    timezone: str | None = Field(None, description="Of the cron expressions; default: UTC.")
    watch: bool = Field(default=False, description="Also retrain when files arrive.")
    quiet_seconds: Annotated[float, Field(ge=1, le=86_400)] = Field(
        30.0, description="How long the folder must be quiet before that."
    )
    drill: str | None = Field(WEEKLY, description="Cron expression of the drill; empty: never.")
    housekeeping: str | None = Field("30 4 * * *", description="Likewise of the housekeeping.")

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError(
                "letters of English, digits, _, - and . are expected, 100 at most, the first one a"
                f" letter or digit. Received: {value[:120]!r}"
            )
        return value

    @field_validator("cron", "drill", "housekeeping")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            CronSim(value, datetime.now(UTC))
        except CronSimError as error:
            raise ValueError(f'five fields such as "0 2 * * *" are expected ({error})') from None
        # Prefect reads a sixth field as the seconds, CronSim the first; two marks it knows not.
        if len(value.split()) != CRON_FIELDS or re.search(r"\dL|LW", value.upper()):
            raise ValueError(
                'five fields such as "0 2 * * *" are expected, without LW and 5L.'
                f" Received: {value!r}"
            )
        return value

    @field_validator("every")
    @classmethod
    def _is_interval(cls, value: str | None) -> str | None:
        if value is not None:
            interval_of(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        try:
            return None if value is None else choose_time_zone(value)
        except SettingsError as error:
            # In a file there is no flag.
            raise ValueError(str(error).removeprefix("--timezone ")) from None

    @model_validator(mode="after")
    def _has_one_schedule(self) -> InstalledModel:
        if self.cron and self.every:
            raise ValueError("give either cron or every")
        if not (self.cron or self.every or self.watch):
            raise ValueError("give cron or every, or watch = true")
        return self

    @property
    def interval(self) -> timedelta | None:
        """Time between two runs; None where a calendar says when."""
        return interval_of(self.every) if self.every else None


def interval_of(text: str) -> timedelta:
    """Return the interval that 90s, 30m, 6h or 1d stands for.

    Raises:
        ValueError: it is none of these.
    """
    match = re.fullmatch(r"([0-9]{1,20})([smhd])", text.strip())
    if not match or int(match[1]) == 0:
        raise ValueError(f"a number and s, m, h or d is expected, as 6h. Received: {text!r}")
    try:
        interval = timedelta(**{UNITS[match[2]]: int(match[1])})
    except OverflowError:
        interval = timedelta.max
    if interval > LONGEST:
        raise ValueError(f"{LONGEST.days}d are expected at most. Received: {text!r}")
    return interval


def file_of(home: Home) -> Path:
    """Return the file of a model; `home.name` is its name."""
    return home.installed_models / f"{home.name}.toml"


def write_model(home: Home, model: InstalledModel) -> Path:
    """Write a model's file; one that exists is replaced."""
    content = model.model_dump(mode="json", exclude={"name"})
    shown = {name: value for name, value in content.items() if value is not None}
    # An empty text, not a missing key: the default would come back.
    shown |= {name: "" for name in ("drill", "housekeeping") if content[name] is None}
    with atomic_write(file_of(home.renamed(model.name))) as file:
        file.write_text(tomlkit.dumps(shown), "utf-8")
    return file_of(home.renamed(model.name))


def has_models(home: Home) -> bool:
    """Return whether any model is installed."""
    return any(home.installed_models.glob("[!.]*.toml"))


def installed_names(home: Home) -> list[str]:
    """Return the names of the installed models, sorted; also of those whose files are wrong."""
    names = (file.stem for file in home.installed_models.glob("[!.]*.toml"))
    return sorted(name for name in names if NAME.fullmatch(name))


def read_models(home: Home) -> list[InstalledModel]:
    """Return the models of a home, sorted by name.

    Raises:
        SettingsError: a file can't be read, naming it and the key.
    """
    return [read_model(file) for file in sorted(home.installed_models.glob("[!.]*.toml"))]


def sound_models(home: Home) -> tuple[list[InstalledModel], list[str]]:
    """Return the models whose files can be read, and what is wrong with the others.

    A mistake in one file must not end the schedules of the other models.
    """
    read = _read_each(home).values()
    sound = [each for each in read if isinstance(each, InstalledModel)]
    return sound, [str(each) for each in read if isinstance(each, SettingsError)]


def wrong_files(home: Home) -> dict[Path, str]:
    """Return the files of models that can't be read, each with what is wrong with it."""
    read = _read_each(home).items()
    return {file: str(each) for file, each in read if isinstance(each, SettingsError)}


def _read_each(home: Home) -> dict[Path, InstalledModel | SettingsError]:
    read: dict[Path, InstalledModel | SettingsError] = {}
    for file in sorted(home.installed_models.glob("[!.]*.toml")):
        try:
            read[file] = read_model(file)
        except SettingsError as error:
            read[file] = error
    return read


def read_model(file: Path) -> InstalledModel:
    """Read the file of a model; relative paths in it are relative to its folder.

    Raises:
        SettingsError: it can't be read, or a value is wrong.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} can't be read as TOML: {error}") from None
    for key in ("data", "config"):
        if isinstance(content.get(key), str) and content[key].strip():
            content[key] = str(file.parent / Path(content[key]).expanduser())
    return checked_model({**content, "name": file.stem}, source=str(file))


def checked_model(content: Mapping[str, object], *, source: str) -> InstalledModel:
    """Return a model of these values.

    Raises:
        SettingsError: a value is wrong, naming the source and the key.
    """
    try:
        return InstalledModel.model_validate(content)
    except ValidationError as error:
        problems = []
        for each in error.errors():
            key = ".".join(map(str, each["loc"]))
            said = each["msg"].removeprefix("Value error, ").rstrip(".")
            problems.append(f"{source}: {f'{key}: ' if key else ''}{said}.")
        raise SettingsError("\n".join(problems)) from None


def settings_of(home: Home, model: InstalledModel) -> RetrainConfig:
    """Return the settings that a model's runs have.

    Raises:
        SettingsError: its settings file is wrong.
        DataFolderError: its data folder is missing.
    """
    given = {"name": model.name, "home": home.root, "data.directory": model.data}
    settings, _ = load_config(model.config, (), given)
    existing_data(settings.data)
    return settings


def find_model(home: Home) -> InstalledModel:
    """Return the installed model that `home.name` names.

    Raises:
        UsageError: there is none, naming those there are.
    """
    file = file_of(home)
    # A name with a slash would lead to a file elsewhere.
    if NAME.fullmatch(home.name) and file.exists():
        return read_model(file)
    known = ", ".join(each.stem for each in sorted(home.installed_models.glob("*.toml")))
    raise UsageError(
        f"There is no model named {home.name} in {home.installed_models}."
        f" {f'There are: {known}.' if known else ''} Add it with `pixelgate models add"
        f' {home.name} --data DIR --cron "0 2 * * *"`.'
    )
