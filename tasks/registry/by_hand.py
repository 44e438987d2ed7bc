"""A person's decision goes in: promote this version, or return to the one before; it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError, UsageError
from tasks.registry.champion import model_file
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.mlflow_store import CHAMPION, CHECKSUM_TAG, MISSING
from tasks.registry.production import Change, change_champion, settle
from tasks.registry.reigns import PROMOTE, ROLLBACK, champions_in_turn, reigns_of
from tasks.runs.provenance import OUTCOME_TAG, RUN_TAG
from tasks.runtime.whoami import who_am_i

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow.entities.model_registry import ModelVersion

    from tasks.registry.mlflow_store import ModelStore

    # Raises PixelgateError if the file must not be in production.
    Inspect = Callable[[str, Path], None]


@dataclass(frozen=True)
class HandOver:
    """What a person's decision has changed.

    Attributes:
        version: in production now.
        before: in production before; None if there was no champion.
        overruled: the model gate's checks that had failed, one sentence each.
    """

    version: str
    before: str | None
    overruled: tuple[str, ...] = ()


def promote_version(
    store: ModelStore,
    name: str,
    *,
    reason: str,
    who: str | None = None,
    inspect: Inspect | None = None,
) -> HandOver:
    """Put a version into production, whatever the model gate said of it.

    Args:
        store: of the model.
        name: the version's number or alias.
        reason: kept in the ledger.
        who: likewise; by default the user of this process.
        inspect: called with the version and its file; raises what speaks against it.

    Raises:
        UsageError: there is no such version, or the reason is blank.
        PixelgateError: its file is lost or not what was registered, or `inspect` refused it.
        ChampionChangedError: another version became champion in the meantime.
    """
    _require_reason(reason)
    version = find_version(store, name)
    settle(store)
    current = store.registered_alias(CHAMPION)
    before = None if current is None else str(current.version)
    overruled = failed_checks(version)
    evidence = _evidence(version) | {"overruled": list(overruled)}
    _hand_over(store, version, Change(
        version=str(version.version), expected=before, action=PROMOTE, who=who or who_am_i(),
        why=reason, evidence=evidence,
    ), inspect)  # fmt: skip
    return HandOver(str(version.version), before, overruled)


def roll_back(
    store: ModelStore,
    to: str | None = None,
    *,
    reason: str,
    who: str | None = None,
    inspect: Inspect | None = None,
) -> HandOver:
    """Return to a version that was in production before.

    Args:
        store: of the model.
        to: its number; by default the champion before the present one. Rolling back twice goes back
            two versions, as a version that was withdrawn is none to return to.
        reason: kept in the ledger.
        who: likewise; by default the user of this process.
        inspect: as in `promote_version`.

    Raises:
        UsageError: that version was never in production, or none was; or the reason is blank.
        PixelgateError: its file is lost or not what was registered, or `inspect` refused it.
        ChampionChangedError: another version became champion in the meantime.
    """
    _require_reason(reason)
    require_models(store)
    settle(store)
    current = store.registered_alias(CHAMPION)
    before = None if current is None else str(current.version)
    version = rollback_target(store, to, before)
    _hand_over(store, version, Change(
        version=str(version.version), expected=before, action=ROLLBACK, who=who or who_am_i(),
        why=reason, evidence=_evidence(version),
    ), inspect)  # fmt: skip
    return HandOver(str(version.version), before)


def rollback_target(store: ModelStore, to: str | None, current: str | None) -> ModelVersion:
    """Return the version that a rollback returns to; changes nothing.

    Args:
        store: of the model.
        to: its number or alias; by default the champion before the present one.
        current: the present champion; None if there is none.

    Raises:
        UsageError: that version was never in production, or none was.
    """
    entries = read_ledger(store.ledger)
    version = find_version(store, _target(store, to, current, champions_in_turn(entries)))
    if str(version.version) not in {reign.version for reign in reigns_of(entries)}:
        raise UsageError(
            f"Version {version.version} of {store.home.name} was never in production; to put it"
            f" there, use `pixelgate promote {version.version} --reason ...`."
        )
    return version


def find_version(store: ModelStore, name: str) -> ModelVersion:
    """Return a version by its number or alias.

    Raises:
        UsageError: there is none, naming those there are.
    """
    from mlflow.exceptions import MlflowException

    require_models(store)
    try:
        if name.isdecimal():
            return store.client.get_model_version(store.home.name, name)
        return store.client.get_model_version_by_alias(store.home.name, name)
    except MlflowException as error:
        if error.error_code not in MISSING:
            raise
    versions = store.client.search_model_versions(f"name = '{store.home.name}'")
    known = ", ".join(map(str, sorted(int(each.version) for each in versions)))
    raise UsageError(
        f"No version {name} of {store.home.name}. There are: {known or 'none'}."
        " `pixelgate models` lists them."
    )


def require_models(store: ModelStore) -> None:
    """Check that there is a store at all; a question must not create one.

    Raises:
        UsageError: there is none.
    """
    if not store.exists:
        raise UsageError(
            f"There are no models in {store.home.root}. Train one with `pixelgate run --data DIR`,"
            " or set name and home."
        )


def require_intact(store: ModelStore, version: ModelVersion) -> Path:
    """Return a version's file after checking it against the hash that was registered.

    Raises:
        PixelgateError: it is lost, or not what was registered.
    """
    try:
        file = model_file(store.model_path(str(version.version)))
        store.require_checksum(str(version.version), file)
    except PixelgateError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its files
        raise PixelgateError(
            f"Version {version.version} of {store.home.name} can't be in production: {error}."
            " Nothing was changed. Put its files back with `pixelgate restore ARCHIVE`, or choose"
            " another version (`pixelgate models`)."
        ) from None
    return file


def failed_checks(version: ModelVersion) -> tuple[str, ...]:
    """Return the model gate's checks that a version failed, one sentence each."""
    return tuple(
        sentence
        for key, sentence in sorted(version.tags.items())
        if key.startswith("pixelgate.check.") and not sentence.startswith("pass")
    )


def _hand_over(
    store: ModelStore, version: ModelVersion, change: Change, inspect: Inspect | None
) -> None:
    if change.version == change.expected:
        return
    file = require_intact(store, version)
    if inspect is not None:
        inspect(str(version.version), file)
    change_champion(store, change)


def _target(store: ModelStore, to: str | None, current: str | None, stack: list[str]) -> str:
    if to is not None:
        return to
    if current is None:
        raise UsageError(f"No version of {store.home.name} is in production.")
    if len(stack) < 2:  # noqa: PLR2004 - this one and one before
        raise UsageError(
            f"Version {current} of {store.home.name} is the first champion: there is none before it"
            " to return to. `pixelgate rollback --to VERSION` names one, `pixelgate models` lists"
            " them."
        )
    return stack[-2]


def _evidence(version: ModelVersion) -> dict[str, Any]:
    tags = version.tags
    return {
        "run": tags.get(RUN_TAG),
        "outcome": tags.get(OUTCOME_TAG),
        "model_sha256": tags.get(CHECKSUM_TAG),
        "data_fingerprint": tags.get("pixelgate.data_fingerprint"),
    }


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("--reason needs a reason that others can understand.")
