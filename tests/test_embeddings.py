"""Embeddings of photographs: computed once for each content, verified, and only where they help."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tasks.config.data import DataConfig
from tasks.embedding import pinned_checkpoint
from tasks.errors import DamagedFileError, SettingsError
from tasks.inventory.embeddings import Embeddings, embedding_name, embeddings_of
from tasks.inventory.scan import take_inventory
from tests.image_trees import ROOT, write_tree
from tests.processes import unmeasured
from tests.scenes import draw_scene, write_scenes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CLASSES = {"discs": 4, "bars": 4}


def embedded(root: Path, cache: Path, **data: Any) -> tuple[pd.DataFrame, Embeddings]:
    """Take the inventory of a folder, and embed its images."""
    settings = DataConfig.model_validate({"directory": root, **data})
    inventory = take_inventory(settings, seed=1, cache_dir=cache)
    embeddings = embeddings_of(inventory, settings, root=root, cache_dir=cache)
    assert embeddings is not None
    return inventory, embeddings


def test_an_image_is_embedded_once(tmp_path: Path) -> None:
    """By its content: renamed, and beside new images, it is not read again."""
    root, cache = write_scenes(tmp_path / "photos", CLASSES), tmp_path / "cache"
    inventory, first = embedded(root, cache)
    assert first.known.all()
    assert len(np.unique(first.features[:, :8], axis=0)) == len(inventory)
    (root / "discs/000.jpg").rename(root / "discs/zzz.jpg")
    draw_scene(77).save(root / "discs/new.jpg")
    again, _ = embedded(root, cache)
    for file in root.rglob("*.jpg"):
        if file.name != "new.jpg":
            file.write_bytes(b"gone")
    settings = DataConfig(directory=root)
    second = embeddings_of(again, settings, root=root, cache_dir=cache)
    assert second is not None
    assert second.known.all()
    of_content = dict(zip(inventory["sha256"], first.features, strict=True))
    for content, features in zip(again["sha256"], second.features, strict=True):
        np.testing.assert_array_equal(features, of_content.get(content, features))


def test_damaged_embeddings_are_computed_again(tmp_path: Path) -> None:
    """They are set aside with a warning; nothing of them is believed."""
    root, cache = write_scenes(tmp_path / "photos", CLASSES), tmp_path / "cache"
    _, first = embedded(root, cache)
    (file,) = cache.rglob("features.npy")
    data = bytearray(file.read_bytes())
    data[-2] ^= 255
    file.write_bytes(data)
    _, again = embedded(root, cache)
    np.testing.assert_array_equal(again.features, first.features)


def test_a_file_that_is_gone_has_no_embedding(tmp_path: Path) -> None:
    """Nor has one that never was an image; the others are embedded, and the gap is not kept."""
    root, cache = write_scenes(tmp_path / "photos", CLASSES), tmp_path / "cache"
    (root / "bars/torn.jpg").write_bytes(b"torn")
    settings = DataConfig(directory=root)
    inventory = take_inventory(settings, seed=1)
    image = root / "bars/001.jpg"
    data = image.read_bytes()
    image.write_bytes(b"changed")
    without = embeddings_of(inventory, settings, root=root, cache_dir=cache)
    assert without is not None
    unknown = inventory.loc[~without.known, "path"].tolist()
    assert unknown == ["bars/001.jpg", "bars/torn.jpg"]
    image.write_bytes(data)
    complete = embeddings_of(inventory, settings, root=root, cache_dir=cache)
    assert complete is not None
    assert inventory.loc[~complete.known, "path"].tolist() == ["bars/torn.jpg"]


def test_only_large_colour_photographs_are_embedded(tmp_path: Path) -> None:
    """Unless the settings say so; digits, gray images and very many ones cost nothing."""
    photos = write_scenes(tmp_path / "photos", CLASSES)
    gray = tmp_path / "gray"
    for file in photos.rglob("*.jpg"):
        (gray / file.parent.name).mkdir(parents=True, exist_ok=True)
        draw_scene(int(file.stem)).convert("L").save(gray / file.parent.name / file.name)
    small = write_tree(tmp_path / "small", {"a": 4, "b": 4})

    def is_embedded(root: Path, **data: Any) -> bool:
        settings = DataConfig.model_validate({"directory": root, **data})
        return embedding_name(take_inventory(settings, seed=1), settings) is not None

    assert is_embedded(photos)
    assert not is_embedded(photos, embeddings="never")
    assert not is_embedded(photos, max_embedded=7)
    assert not is_embedded(gray)
    assert not is_embedded(small)
    assert is_embedded(small, embeddings="always")


def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where embeddings must be, an error; where they would help, a line; a bad file is refused."""
    root = write_scenes(tmp_path / "photos", CLASSES)
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(b"other weights")
    monkeypatch.setattr(pinned_checkpoint, "find_checkpoint", lambda: damaged)
    with pytest.raises(DamagedFileError, match="nothing of it was read"):
        embedded(root, tmp_path / "cache")
    monkeypatch.setattr("tasks.inventory.embeddings.can_embed", lambda: False)
    with pytest.raises(SettingsError, match=r"data.embeddings = always .*pixelgate\[pretrained\]"):
        embedded(root, tmp_path / "cache", embeddings="always")
    with caplog.at_level("INFO", "pixelgate.inventory"):
        take_inventory(DataConfig(directory=root), seed=1)
    assert "pip install 'pixelgate[pretrained]' would let the gate look at" in caplog.text


GATE = """
import sys
from pathlib import Path
from flows.cli.main import main
sys.argv = ["pixelgate", "gate", sys.argv[1], "--home", sys.argv[2]]
try:
    main()
except SystemExit:
    assert "tensorflow" not in sys.modules, "TensorFlow was imported"
    assert list(Path(sys.argv[4]).rglob("features.npy")), "nothing was embedded"
    print("embedded without TensorFlow")
"""


def test_the_gate_embeds_without_tensorflow(tmp_path: Path) -> None:
    """Which alone takes longer to import than hundreds of images to embed."""
    root = write_scenes(tmp_path / "photos", {"discs": 20, "bars": 20})
    process = subprocess.run(
        [sys.executable, "-c", GATE, str(root), str(tmp_path / "home")],
        cwd=ROOT,
        env=unmeasured(dict(os.environ)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "embedded without TensorFlow" in process.stdout, process.stderr
