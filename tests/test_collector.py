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


def test_what_was_imported_is_not_looked_through_again() -> None:
    """It stays as long as the process, whatever else is collected."""
    gc.unfreeze()
    with collector_paused():
        kept = [[] for _ in range(1_000)]  # type: ignore[var-annotated]
    assert gc.get_freeze_count() > len(kept)
    assert len(gc.get_objects()) < gc.get_freeze_count()


def test_pauses_of_threads_overlap() -> None:
    """The one that began first ends first: the other one goes on, and ends the pause."""
    first, second = collector_paused(), collector_paused()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
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
