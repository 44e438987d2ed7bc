"""The records of `recipe` go in; tf.data pipelines over the decoded images come out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import tensorflow as tf

from tasks.generators.augmentation import augment
from tasks.generators.inputs import TARGET, Inputs
from tasks.inventory.columns import SPLIT, TRAIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.models.contract import InputContract

EVALUATION_BATCH = 256
# Images that are moved in one call, unless they are large.
GROUP, GROUP_BYTES = 128, 2**22


def steps_per_epoch(inputs: Inputs, *, whole_batches: bool = False) -> int:
    """Return how many batches hold every training image once; but for the rest, if whole."""
    return max(1, _Groups.of(inputs, inputs.counts[TRAIN], whole_batches=whole_batches).steps)


def training_batches(
    inputs: Inputs,
    *,
    seed: int,
    first_step: int = 0,
    class_weights: np.ndarray | None = None,
    whole_batches: bool = False,
) -> tf.data.Dataset:
    """Shuffled, augmented batches of the train split, epoch after epoch without end.

    Order and augmentation of a step follow from the seed and the step's number alone, so that a
    pipeline opened at `first_step` goes on exactly as one that began at 0.

    Args:
        inputs: what `build_inputs` returned.
        seed: of order and augmentation.
        first_step: how many batches to leave out at the beginning.
        class_weights: (classes,) float32; each batch has its images' weights, (batch,), then.
        whole_batches: leave out what doesn't fill an epoch's last batch; workers that share batches
            would have nothing of a small one.

    Returns:
        Batches of images, (batch, height, width, channels) uint8, and targets: (batch, classes)
        float32 if categorical, (batch,) int32 if sparse, (batch, 1) float32 if binary.
    """
    rows, targets = _rows_of(inputs, TRAIN)
    read = _reader(inputs, targets)
    groups = _Groups.of(inputs, len(rows), whole_batches=whole_batches)

    def one_epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(rows, seed=tf.stack([seed, number]))
        # A row a batch, as gathering single numbers into batches costs as much as augmenting them.
        full = tf.reshape(order[: groups.full * groups.size], (-1, groups.size))
        batches = tf.data.Dataset.from_tensor_slices(full).batch(groups.together)
        if not groups.rest:
            return batches
        return batches.concatenate(tf.data.Dataset.from_tensors(order[None, -groups.rest :]))

    def prepared(group: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        drawn = tf.reshape(at, (-1,))
        images, target = read(drawn)
        # A seed a group, so that augmentation doesn't depend on where the pipeline was opened.
        moved = augment(images, inputs.settings, seed=tf.stack([tf.cast(seed, tf.int64), group]))
        parts = [moved, target]
        if class_weights is not None:
            parts.append(tf.gather(class_weights, tf.gather(targets, drawn)))
        shape = tf.shape(at)
        return tuple(tf.reshape(part, tf.concat([shape, tf.shape(part)[1:]], 0)) for part in parts)

    before, within = groups.place_of(first_step)
    epochs = tf.data.Dataset.range(np.iinfo(np.int64).max)
    numbered = epochs.flat_map(_as_it_is(one_epoch)).enumerate().skip(before)
    prepared_groups = numbered.map(_as_it_is(prepared), num_parallel_calls=tf.data.AUTOTUNE)
    batches = prepared_groups.unbatch().skip(within)
    return _whole_batches_apart(batches.prefetch(tf.data.AUTOTUNE))


@dataclass(frozen=True)
class _Groups:
    """Batches that are prepared together: for small images the cost is the call, not the pixels.

    Attributes:
        size: images a batch.
        together: batches a group; the last one of an epoch may have fewer.
        full: batches of an epoch that are filled.
        rest: images of the epoch's last batch, a group by itself; 0 if there is none.
    """

    size: int
    together: int
    full: int
    rest: int

    @classmethod
    def of(cls, inputs: Inputs, images: int, *, whole_batches: bool) -> Self:
        """Settle the groups of an epoch of so many images."""
        size = inputs.batch_size
        most = min(GROUP, GROUP_BYTES // math.prod(inputs.contract.shape))
        full, rest = divmod(images, size)
        return cls(size, max(1, most // size), full, 0 if whole_batches and full else rest)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return self.full + bool(self.rest)

    def place_of(self, step: int) -> tuple[int, int]:
        """Return how many whole groups come before a step, and how many batches of its group."""
        whole = math.ceil(self.full / self.together)
        epoch, batch = divmod(step, self.steps)
        before = epoch * (whole + bool(self.rest))
        if batch == self.full:
            return before + whole, 0
        return before + batch // self.together, batch % self.together


def evaluation_batches(inputs: Inputs, split: str, *, shares: int = 1) -> tf.data.Dataset:
    """Batches of a split in the order of the index, as they are; shapes as `training_batches`.

    Args:
        inputs: what `build_inputs` returned.
        split: train, validation or test.
        shares: workers among which each batch is shared out; every one has as much of it, and at
            most `shares - 1` images are left out for that.
    """
    rows, targets = _rows_of(inputs, split)
    shared = rows[: len(rows) // shares * shares] if len(rows) >= shares else rows
    batch = EVALUATION_BATCH // shares * shares
    batches = tf.data.Dataset.from_tensor_slices(shared).batch(batch)
    read = _as_it_is(_reader(inputs, targets))
    batches = batches.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return _whole_batches_apart(batches.prefetch(tf.data.AUTOTUNE))


def pixels_of(inputs_pixels: Path, rows: np.ndarray) -> np.ndarray:
    """Return the decoded images of these rows: (rows, height, width, channels) uint8."""
    return np.asarray(np.load(inputs_pixels, mmap_mode="r")[rows])


def _rows_of(inputs: Inputs, split: str) -> tuple[np.ndarray, np.ndarray]:
    index = pd.read_parquet(inputs.index, columns=[SPLIT, TARGET])
    return np.flatnonzero(index[SPLIT] == split), index[TARGET].to_numpy()


def _reader(
    inputs: Inputs, targets: np.ndarray
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return the function from row numbers to images and targets."""
    pixels, contract = _mapped(inputs.pixels), inputs.contract

    def read(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.gather(pixels(), rows)
        return images, _as_targets(tf.gather(targets, rows), contract)

    return read


def _mapped(file: Path) -> Callable[[], tf.Tensor]:
    """Map an array on disk into TensorFlow's memory; nothing is read before it is gathered.

    No step of a pipeline is Python then: a pipeline that calls Python can't be closed while Python
    waits for it to close, which now and then hangs a training for ever.

    Args:
        file: .npy, C-ordered uint8, as NumPy writes it: behind a header of a multiple of 64 bytes.

    Returns:
        A function for use in a graph, which gives the array's tensor without copying it.
    """
    array = np.load(file, mmap_mode="r")
    whole = tf.raw_ops.ImmutableConst(
        dtype=tf.uint8, shape=[file.stat().st_size], memory_region_name=str(file)
    )
    return lambda: tf.reshape(whole[array.offset :], array.shape)


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    """Spare AutoGraph from rewriting a function whose choices are made while it is traced."""
    wrapped: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return wrapped


def _whole_batches_apart(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Let workers that train together share the batches out; there are no files to share."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _as_targets(numbers: tf.Tensor, contract: InputContract) -> tf.Tensor:
    if contract.class_mode == "categorical":
        return tf.one_hot(numbers, len(contract.classes))
    if contract.class_mode == "binary":
        return tf.cast(numbers, tf.float32)[:, None]
    return numbers
