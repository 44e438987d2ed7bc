"""The garbage collector rests while libraries are imported, and works again afterwards."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tasks.runtime.collector import collector_paused

if TYPE_CHECKING:
    import pytest


def test_the_collector_works_again_after_a_pause() -> None:
    """Also after a pause within a pause, and when an import fails."""
    assert gc.isenabled()
    with suppress(ImportError), collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_what_was_imported_is_not_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays as long as the process, whatever else is collected."""
    gc.unfreeze()
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with collector_paused():
        import wave  # noqa: F401
    assert gc.get_freeze_count() > len(gc.get_objects())


def test_garbage_is_collected_where_nothing_was_imported() -> None:
    """A pause in every round of a long process must not keep what each round leaves."""
    gc.unfreeze()
    with collector_paused():
        import gc as imported_before  # noqa: F401
    assert not gc.get_freeze_count()


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
