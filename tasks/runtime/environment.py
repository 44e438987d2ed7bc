"""Settings of the libraries: no usage analytics, no start-up messages, longer timeouts."""

from __future__ import annotations

import os
import sys

QUIET = {
    # No usage analytics, unless the user turns them on.
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Hides TensorFlow's messages at start-up.
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # On a slow machine Prefect's embedded server takes longer to start than the default 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # Sends the log lines of our stages to the run in Prefect, and is silent outside of one.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pixelgate",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


# A proxy can't reach a server on this machine; asked to, it makes a command hang for minutes.
LOOPBACK = ("127.0.0.1", "localhost")


def of_child() -> dict[str, str]:
    """Return the variables of a child process that finds the modules which this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def prepare() -> None:
    """Set the variables that the user has not set; call it before the libraries are imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        hosts = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(filter(None, [*hosts, *sorted({*LOOPBACK} - {*hosts})]))
