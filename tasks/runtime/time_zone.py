"""The time zone that a schedule is read in: the one that is given, or this machine's."""

from __future__ import annotations

import difflib
import zoneinfo

from tasks.errors import SettingsError

EXAMPLE = "such as Europe/Berlin or UTC"
# Names that stand for another zone on another machine, such as that of a Prefect server.
NO_ZONES = frozenset(("localtime", "Factory", "posixrules"))


def choose_time_zone(given: str | None) -> str:
    """Return the name of the time zone in the IANA database.

    Args:
        given: the user's; None or nothing stands for this machine's.

    Raises:
        SettingsError: there is no such zone, or this machine's can't be told.
    """
    if given is None or not given.strip():
        return local_time_zone()
    name = given.strip()
    known = zoneinfo.available_timezones() - NO_ZONES
    if name in known:
        return name
    raise SettingsError(
        f"--timezone must be a name of the IANA database, {EXAMPLE}. Received: {given!r}"
        f"{_suggestion(name, known)}"
    )


def local_time_zone() -> str:
    """Return the name of this machine's time zone, from TZ or the system's settings.

    Raises:
        SettingsError: it has none, or none by a name, as with TZ=CET-1CEST.
    """
    import tzlocal

    try:
        # The zone first: for a TZ that is no name, the name alone would be the system's.
        tzlocal.get_localzone()
        name = tzlocal.get_localzone_name()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        name = None
    if name not in zoneinfo.available_timezones() - NO_ZONES:
        raise SettingsError(
            "This machine's time zone has no name that can be found. Give one with --timezone,"
            f" {EXAMPLE}."
        )
    return str(name)


def _suggestion(name: str, known: set[str]) -> str:
    by_case = {zone.lower(): zone for zone in known}
    # Cities are what people remember: "berlin" for Europe/Berlin.
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(known)}
    lower = name.lower().replace(" ", "_")
    similar = difflib.get_close_matches(lower, [*by_case, *by_city], n=1, cutoff=0.8)
    if not similar:
        return ""
    return f"; did you mean {by_case.get(similar[0]) or by_city[similar[0]]}?"
