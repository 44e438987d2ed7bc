"""A command in a process group that ends with the process that started it, however that ends.

    python -m tasks.runtime.leash COMMAND ARGUMENT ...

The parent holds the other end of stdin open. When it closes, everything in the group is ended:
first gently, so that servers write what they were sent last, then by force.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 20.0


def main() -> int:
    """Run the command of the arguments; return its exit code, 128 + n after signal n."""
    # Ours is the group's: what is sent to all of it is meant for the others.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    command = subprocess.Popen(  # noqa: S603 - of the supervisor
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        preexec_fn=_default_signals,  # noqa: PLW1509 - one thread
    )
    threading.Thread(target=_end_with_parent, args=[command], daemon=True).start()
    code = command.wait()
    return code if code >= 0 else 128 - code


def _default_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_with_parent(command: subprocess.Popen[bytes]) -> None:
    # Past `sys.stdin`, whose lock this thread would hold while the interpreter shuts down.
    os.read(0, 1)
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and command.poll() is None:
        time.sleep(0.1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
