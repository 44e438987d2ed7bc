"""Prefect's server in a process that ends with the process that started it.

The parent holds the other end of stdin open. However the parent ends, the pipe closes and this
process shuts down, so that a kill -9 leaves no server behind. It runs in a session of its own, as
Ctrl-C in a terminal must not reach it before the run that needs it has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tasks.runtime.collector import collector_paused

GRACE_SECONDS = 3.0


def main() -> None:
    """Serve Prefect's API on 127.0.0.1, on the port given as the only argument."""
    threading.Thread(target=_shut_down_with_parent, daemon=True).start()

    with collector_paused():
        from prefect.settings import PREFECT_API_URL

        if PREFECT_API_URL.value():
            # By the user's profile: the parent, which finds it out at the same time, uses that one.
            return

        import uvicorn
        from prefect.server.api.server import create_app

    uvicorn.run(
        create_app,
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )


def _shut_down_with_parent() -> None:
    # Past `sys.stdin`, whose lock this thread would hold while the interpreter shuts down.
    os.read(0, 1)
    # Gracefully at first, as the server still writes what it was sent last.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
