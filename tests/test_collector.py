"""The garbage collector rests while libraries are imported, and works again afterwards."""

from __future__ import annotations

import gc
from contextlib import suppress

from tasks.runtime.collector import collector_paused


def test_the_collector_works_again_after_a_pause() -> None:
    """Also after a pause within a pause, and when an import fails."""
    assert gc.isenabled()
    with suppress(ImportError), collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    """Whoever turned it off decides."""
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
