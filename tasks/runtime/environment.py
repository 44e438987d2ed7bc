"""Keeps the libraries quiet and to themselves: no analytics, no start-up noise, patient servers."""

from __future__ import annotations

import os

QUIET = {
    # Usage analytics of the libraries, off by default; set them yourself to turn them on.
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # TensorFlow's start-up lines.
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Prefect's embedded server needs longer than its own 20 s on a slow machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # What the stages log belongs to the run in Prefect.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pixelgate",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def prepare() -> None:
    """Set these variables where the user has not; call it before the libraries are imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
