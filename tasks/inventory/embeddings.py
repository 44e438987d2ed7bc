"""An inventory goes in; an embedding of each image, kept by content, comes out.

An embedding is what a network that has seen ImageNet says of an image, before it names a class:
images that show alike things have embeddings that are close. They are computed for photographs,
where the extra `pretrained` is installed, and only for images that were not embedded before.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import PIL

from tasks.embedding import lite_onnx, lite_structure
from tasks.embedding.feature_shards import SHARD, FeatureShards, prune_features
from tasks.embedding.pinned_checkpoint import require_checkpoint
from tasks.errors import SettingsError
from tasks.inventory import displayed, embed_files
from tasks.inventory.columns import ERROR, PATH, SHA256
from tasks.inventory.input_choice import choose_color_mode
from tasks.inventory.model_choice import are_large_photographs
from tasks.runtime.parallel import CHUNK_BYTES, in_chunks, map_chunks
from tasks.runtime.pretrained_weights import CHECKPOINT_SHA256, EXTRA, can_embed
from tasks.runtime.progress import track
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tasks.config.data import DataConfig

AUTO, ALWAYS, NEVER = "auto", "always", "never"
FOLDER = "embeddings"
# A second of work of a process, so that few images are enough to keep all cores busy.
FILES_IN_CHUNK = 64

log = logging.getLogger("pixelgate.inventory")


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of an inventory.

    Attributes:
        features: (rows, 1280) float16, in the order of the inventory.
        known: (rows,) bool: whether there is one.
        name: of how the images were embedded.
    """

    features: np.ndarray
    known: np.ndarray
    name: str

    def of(self, inventory: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
        """Return (rows, 1280) float32: the normalized embeddings of some rows of an inventory.

        Args:
            inventory: the one that these embeddings are of.
            rows: of it; all of them have an embedding.
        """
        chosen = self.features[inventory.index.get_indexer(rows.index)].astype("float32")
        normalized: np.ndarray = chosen / np.linalg.norm(chosen, axis=1, keepdims=True).clip(1e-6)
        return normalized


def embedding_name(inventory: pd.DataFrame, settings: DataConfig) -> str | None:
    """Return a name of how the images of an inventory are embedded; None where they are not.

    Args:
        inventory: the columns that reading fills.
        settings: whether to embed, and how many images at most.

    Returns:
        32 hexadecimal digits: another name stands for other embeddings of the same images.

    Raises:
        SettingsError: they must be, and the extra `pretrained` is not installed.
    """
    images = inventory[inventory[ERROR].isna()]
    if settings.embeddings == ALWAYS:
        if not can_embed():
            raise SettingsError(
                "data.embeddings = always needs a network that has seen ImageNet, which is not"
                f" installed: {EXTRA}. Or set data.embeddings = auto."
            )
    elif settings.embeddings == NEVER or not _suit(images) or _obstacle(images, settings):
        return None
    # The source, not a version number somebody would have to remember to raise.
    sources = map(inspect.getsource, (embed_files, displayed, lite_onnx, lite_structure))
    return digest([CHECKPOINT_SHA256, PIL.__version__, settings.max_pixels, *sources])[:32]


def _suit(images: pd.DataFrame) -> bool:
    """Return whether images are what the network has seen: large colour photographs."""
    return are_large_photographs(images) and choose_color_mode(images) != "grayscale"


def _obstacle(images: pd.DataFrame, settings: DataConfig) -> str | None:
    """Return why photographs are not embedded unless they must be, in words."""
    if not can_embed():
        return f"{EXTRA} would let the gate look at what they show"
    if len(images) > settings.max_embedded:
        return f"{len(images)} are more than data.max_embedded = {settings.max_embedded}"
    return None


def say_why_not(inventory: pd.DataFrame, settings: DataConfig) -> None:
    """Say in the log why photographs are not embedded, if they are not."""
    images = inventory[inventory[ERROR].isna()]
    if settings.embeddings == AUTO and _suit(images):
        obstacle = _obstacle(images, settings)
        if obstacle:
            log.info("photographs are not embedded: %s", obstacle)


def embeddings_of(
    inventory: pd.DataFrame, settings: DataConfig, *, root: Path, cache_dir: Path | None
) -> Embeddings | None:
    """Embed the images of an inventory; those embedded before are not read again.

    Args:
        inventory: the columns that reading fills.
        settings: whether to embed, the limit of pixels and the number of processes.
        root: folder the paths are relative to.
        cache_dir: holds the embeddings; None keeps nothing.

    Returns:
        The embeddings; None where images are not embedded.

    Raises:
        SettingsError: they must be, and the extra `pretrained` is not installed.
    """
    name = embedding_name(inventory, settings)
    if name is None:
        return None
    cache = cache_dir / FOLDER if cache_dir else None
    shards = FeatureShards(cache / name if cache else None, lite_structure.HEAD)
    readable = np.flatnonzero((inventory[ERROR].isna() & inventory[SHA256].notna()).to_numpy())
    hashes = "".join(inventory[SHA256].iloc[readable])
    digests = np.frombuffer(bytes.fromhex(hashes), np.uint8).reshape(-1, 32)
    found, is_known = shards.read(digests)
    paths = inventory[PATH].iloc[readable].tolist()
    missing = np.flatnonzero(~is_known)
    if len(missing):
        # Here, where its error reaches the user: worker processes read it again.
        require_checkpoint()
    for rows, computed in _computed(paths, missing, settings, root):
        known = ~np.isnan(computed).any(axis=1)
        found[rows], is_known[rows] = computed, known
        shards.keep(computed[known], digests[rows[known]])
    if cache:
        prune_features(cache, [cache / name])
    features = np.zeros((len(inventory), lite_structure.HEAD), "float16")
    known = np.zeros(len(inventory), bool)
    features[readable], known[readable] = found, is_known
    return Embeddings(features, known, name)


def _computed(
    paths: list[str], missing: np.ndarray, settings: DataConfig, root: Path
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield numbers of missing images and their embeddings, up to a shard at a time."""
    if not len(missing):
        return
    files = [paths[number] for number in missing]
    chunks = in_chunks(files, [CHUNK_BYTES // FILES_IN_CHUNK] * len(files))
    calls = [(str(root), chunk, settings.max_pixels) for _, chunk in chunks]
    embedded = map_chunks(
        embed_files.embed_files,
        calls,
        total=len(files),
        workers=settings.workers,
        lost=lambda _, __: embed_files.UNKNOWN,
    )
    start, waiting = 0, []
    for part in track(embedded, total=len(files), description="embeddings", unit="images"):
        waiting.append(part)
        if (count := sum(map(len, waiting))) >= SHARD:
            yield missing[start : start + count], np.concatenate(waiting)
            start, waiting = start + count, []
    if waiting:
        yield missing[start:], np.concatenate(waiting)
