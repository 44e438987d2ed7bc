"""Versions that a person puts into production must know the golden images too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.errors import PixelgateError
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.champion import champion_version
from tasks.registry.golden_inspection import golden_inspection
from tests.model_bench import golden_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench


@pytest.fixture
def two_versions(bench: Bench) -> Bench:
    """Register two versions; the second one is champion."""
    bench.retrain(0.9, run="run1")
    bench.retrain(0.95, run="run2", champion=0.9)
    return bench


def test_a_version_that_knows_them_is_promoted(two_versions: Bench, tmp_path: Path) -> None:
    """And one is rolled back to."""
    config = golden_folder(two_versions, tmp_path / "golden", right=True)
    store = two_versions.store
    inspect = golden_inspection(store, config)
    assert roll_back(store, reason="too slow", inspect=inspect).version == "1"
    assert promote_version(store, "2", reason="fast again", inspect=inspect).version == "2"


def test_a_version_that_misses_one_is_refused(two_versions: Bench, tmp_path: Path) -> None:
    """With the images and the flag that overrides it; nothing changes."""
    config = golden_folder(two_versions, tmp_path / "golden", right=False)
    store = two_versions.store
    message = (
        r"Version 1 misses 4 of the 4 images .*taken for.* Nothing was changed.*--without-golden"
    )
    with pytest.raises(PixelgateError, match=message):
        roll_back(store, reason="too slow", inspect=golden_inspection(store, config))
    assert champion_version(store) == "2"
    assert roll_back(store, reason="must be", inspect=None).version == "1"


def test_without_a_folder_nothing_is_asked(two_versions: Bench) -> None:
    """Most promotions load no model."""
    assert golden_inspection(two_versions.store, two_versions.config) is None
