"""alarms.toml and the environment go in; who receives alarms, and their limits, come out."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import zoneinfo
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator

from tasks.config.base import Part
from tasks.errors import SettingsError
from tasks.runtime.time_zone import local_time_zone

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

RECEIVERS = "PIXELGATE_ALARMS_RECEIVERS"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")

Days = Annotated[float, Field(gt=0)]


class AlarmSettings(Part):
    """Who is told of alarms, when, and from which limits on there is one."""

    receivers: list[str] = Field(
        [],
        description="Apprise URLs, such as slack://..., mailto://... or json://host/path for a"
        f" webhook; {RECEIVERS} in the environment, separated by blanks, replaces them.",
    )
    quiet_hours: str | None = Field(
        None,
        description='Such as "22:00-07:00": only critical alarms are sent, the rest when they end.',
    )
    timezone: str | None = Field(
        None, description="Of the quiet hours, such as Europe/Berlin; default: this machine's."
    )
    no_accepted_run_days: Days = Field(
        7.0, description="Days after which a model without an accepted run is an alarm."
    )
    old_champion_days: Days = Field(
        90.0, description="Days after which a version in production is old."
    )
    disk_low_gib: Annotated[float, Field(ge=0)] = Field(
        5.0, description="Less free space than this on the disk of the home is an alarm, GiB."
    )
    desk_url: str = Field(
        "http://127.0.0.1:8200", description="Where people reach the desk; messages link to it."
    )

    @field_validator("receivers")
    @classmethod
    def _are_urls(cls, receivers: list[str]) -> list[str]:
        for number, url in enumerate(receivers, start=1):
            # Its number and not itself: it may hold a password.
            if not SCHEME.fullmatch(url.strip()):
                raise ValueError(f"number {number} is no URL such as json://host/path")
        return list(dict.fromkeys(url.strip() for url in receivers))

    @field_validator("quiet_hours")
    @classmethod
    def _are_two_times(cls, hours: str | None) -> str | None:
        if hours is not None:
            begin, end = _two_times(hours)
            if begin == end:
                raise ValueError("they begin when they end; leave them out if there are none")
        return hours

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in zoneinfo.available_timezones():
            close = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
            near = "".join(f"; did you mean {each}?" for each in close)
            raise ValueError(f"no such zone in the IANA database{near}")
        return name

    @field_validator("desk_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return url.rstrip("/")

    @property
    def quiet_times(self) -> tuple[time, time] | None:
        """Local times at which the quiet hours begin and end; None if there are none."""
        return _two_times(self.quiet_hours) if self.quiet_hours else None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of the quiet hours and of moments in messages."""
        try:
            return zoneinfo.ZoneInfo(self.timezone or local_time_zone())
        except SettingsError:
            # A machine without a named zone must not be one without alarms.
            return zoneinfo.ZoneInfo("UTC")


def load_alarm_settings(home: Home) -> AlarmSettings:
    """Return the settings of a home; the defaults if it has no alarms.toml.

    Raises:
        SettingsError: the file or the environment is wrong; names file, key and remedy, and never
            shows a receiver, which may hold a password.
    """
    file = home.alarm_settings
    values = _read(file)
    given = os.environ.get(RECEIVERS, "").split()
    if given:
        values = {**values, "receivers": given}
    sources = {"receivers": f"{RECEIVERS} in the environment"} if given else {}
    try:
        return AlarmSettings.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_input=True)
        raise SettingsError("\n".join(_problem(each, file, sources) for each in problems)) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not TOML: {error}. Correct that line.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read: {error}. Make it a readable file.") from None


def _problem(problem: Any, file: Path, sources: dict[str, str]) -> str:
    key = str(problem["loc"][0])
    source, known = sources.get(key, str(file)), AlarmSettings.model_fields
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, known, n=1)
        near = "".join(f" Did you mean {each}?" for each in close)
        return f"{source}: {key}: no such setting.{near} There are: {', '.join(known)}."
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    received = "" if key == "receivers" else f" Received: {problem['input']!r}."
    return f"{source}: {key}: {message}.{received} It means: {known[key].description}"


def _two_times(hours: str) -> tuple[time, time]:
    found = HOURS.fullmatch(hours.replace(" ", ""))
    if found is None:
        raise ValueError('expected two times of 24 hours, such as "22:00-07:00"')
    first, second, third, fourth = map(int, found.groups())
    try:
        return time(first, second), time(third, fourth)
    except ValueError:
        raise ValueError('expected hours to 23 and minutes to 59, such as "22:00-07:00"') from None
