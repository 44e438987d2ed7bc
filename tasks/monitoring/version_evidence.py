"""Versions of a model go in; what they were made of, and how two differ, come out.

Asked of the registry, so MLflow is imported at the first question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.promotion import PromotionConfig
from tasks.errors import PixelgateError
from tasks.runs.run_folder import CONFIG
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tasks.registry.lineage import Origin
    from tasks.registry.mlflow_store import ModelStore
    from tasks.registry.version_diff import VersionDiff
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


def diff_of(home: Home, summaries: Sequence[RunSummary], a: str, b: str) -> VersionDiff:
    """Return how version b of a model differs from version a.

    Args:
        home: of the model.
        summaries: of its runs, the newest first.
        a: number of a version.
        b: number of another one.

    Raises:
        PixelgateError: there is no such version, or the registry can't be asked.
    """
    from tasks.registry.version_diff import diff_versions

    with _Asking():
        return diff_versions(_store(home, summaries), a, b, _promotion(summaries))


def origin_of(home: Home, summaries: Sequence[RunSummary], version: str) -> Origin:
    """Return what a version was made of: its run, data, code and settings.

    Raises:
        PixelgateError: there is no such version, or the registry can't be asked.
    """
    from tasks.registry.lineage import trace_model

    with _Asking():
        return trace_model(_store(home, summaries), version)


class _Asking:
    """Turns a fault of the registry, such as a server that is gone, into one sentence."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, PixelgateError):
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise PixelgateError(f"The registry can't be asked: {reason}") from error


def _store(home: Home, summaries: Sequence[RunSummary]) -> ModelStore:
    from tasks.registry.mlflow_store import ModelStore

    return ModelStore(home, _part(summaries, "registry").get("tracking_uri"))


def _promotion(summaries: Sequence[RunSummary]) -> PromotionConfig:
    part = _part(summaries, "promotion")
    known = {name: part[name] for name in ("margin", "confidence_level") if name in part}
    return PromotionConfig(**known)


def _part(summaries: Sequence[RunSummary], name: str) -> dict[str, Any]:
    """Return a part of the settings of the model's newest run that can be read."""
    for run in summaries:
        try:
            part = read_json(run.directory / CONFIG).get(name)
        except (OSError, ValueError, AttributeError, PixelgateError):
            continue
        if isinstance(part, dict):
            return part
    return {}
