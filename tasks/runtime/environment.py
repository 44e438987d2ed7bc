"""Settings of the libraries: no usage analytics, no start-up messages, longer timeouts."""

from __future__ import annotations

import importlib.util
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


def prepare() -> None:
    """Set the variables that the user has not set; call it before the libraries are imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        hosts = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(filter(None, [*hosts, *sorted({*LOOPBACK} - {*hosts})]))


def defer_scipy_stats() -> None:
    """Let `scipy.stats` be imported when something of it is used, and not before.

    Great Expectations imports it for an expectation that is not used here, and a gate that compares
    no distributions doesn't need it: a sixth of the time of a gate on few files. To be called just
    before the first import of Great Expectations, as libraries that look through all modules, such
    as pydantic, import it.
    """
    import scipy

    spec = importlib.util.find_spec("scipy.stats")
    if "scipy.stats" in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scipy.stats"] = scipy.stats = module
    spec.loader.exec_module(module)
