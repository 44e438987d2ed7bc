"""Opens `inputs.Inputs` as tf.data pipelines over the decoded images."""

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
from tasks.models.prediction import images_at_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.models.contract import InputContract

# Images that are augmented in one call, unless they are large.
GROUP, GROUP_BYTES = 128, 2**22


def steps_per_epoch(inputs: Inputs, *, drop_remainder: bool = False) -> int:
    """Return the number of batches in an epoch; see `training_batches`."""
    return max(1, _Groups.of(inputs, inputs.counts[TRAIN], drop_remainder=drop_remainder).steps)


def training_batches(
    inputs: Inputs,
    *,
    seed: int,
    first_step: int = 0,
    class_weights: np.ndarray | None = None,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Return shuffled, augmented batches of the train split, epoch after epoch without end.

    Order and augmentation of a step depend on nothing but the seed and the number of the step, so
    that a pipeline opened at `first_step` continues exactly as one that began at 0.

    Args:
        inputs: as `build_inputs` returned them.
        seed: of order and augmentation.
        first_step: number of batches to skip at the beginning.
        class_weights: (classes,) float32; adds the weight of each image, (batch,), to the batches.
        drop_remainder: leave out the images that don't fill the last batch of an epoch; workers
            that share each batch would get nothing of a small one.

    Returns:
        Batches of images, (batch, height, width, channels) uint8, and targets: (batch, classes)
        float32 if categorical, (batch,) int32 if sparse, (batch, 1) float32 if binary.
    """
    rows, targets = _rows_of(inputs, TRAIN)
    read = _reader(inputs, targets)
    groups = _Groups.of(inputs, len(rows), drop_remainder=drop_remainder)

    def one_epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(rows, seed=tf.stack([seed, number]))
        return groups.split(order)

    def prepare(group: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        drawn = tf.reshape(numbers, (-1,))
        images, target = read(drawn)
        # One seed per group, so that augmentation doesn't depend on where the pipeline was opened.
        seeds = tf.stack([tf.cast(seed, tf.int64), group])
        parts = [augment(images, inputs.settings, seed=seeds), target]
        if class_weights is not None:
            parts.append(tf.gather(class_weights, tf.gather(targets, drawn)))
        shape = tf.shape(numbers)
        return tuple(tf.reshape(part, tf.concat([shape, tf.shape(part)[1:]], 0)) for part in parts)

    before, within = groups.position_of(first_step)
    epochs = tf.data.Dataset.range(np.iinfo(np.int64).max)
    # Whole groups are skipped before any image is read, which makes resuming cheap.
    numbered = epochs.flat_map(_untransformed(one_epoch)).enumerate().skip(before)
    prepared = numbered.map(_untransformed(prepare), num_parallel_calls=tf.data.AUTOTUNE)
    batches = prepared.unbatch().skip(within)
    return _sharded_by_data(batches.prefetch(tf.data.AUTOTUNE))


@dataclass(frozen=True)
class _Groups:
    """Batches that are prepared together: for small images the cost is the call, not the pixels.

    Attributes:
        size: images per batch.
        together: batches per group; the last group of an epoch may have fewer.
        full: number of full batches in an epoch.
        rest: images in the smaller last batch of an epoch, a group of its own; 0 if there is none.
    """

    size: int
    together: int
    full: int
    rest: int

    @classmethod
    def of(cls, inputs: Inputs, images: int, *, drop_remainder: bool) -> Self:
        """Return the groups of an epoch of this many images."""
        size = inputs.batch_size
        most = min(GROUP, GROUP_BYTES // math.prod(inputs.contract.shape))
        full, rest = divmod(images, size)
        # The only batch of an epoch is never dropped.
        return cls(size, max(1, most // size), full, 0 if drop_remainder and full else rest)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.full + bool(self.rest)

    def split(self, order: tf.Tensor) -> tf.data.Dataset:
        """Return the groups of one epoch, each (batches, size) int64, from its (images,) order."""
        # Cut by a reshape: to gather single numbers into batches costs as much as augmentation.
        full = tf.reshape(order[: self.full * self.size], (-1, self.size))
        groups = tf.data.Dataset.from_tensor_slices(full).batch(self.together)
        if not self.rest:
            return groups
        return groups.concatenate(tf.data.Dataset.from_tensors(order[None, -self.rest :]))

    def position_of(self, step: int) -> tuple[int, int]:
        """Return the number of groups before that of a step, and of batches before it within."""
        whole = math.ceil(self.full / self.together)
        epoch, batch = divmod(step, self.steps)
        before = epoch * (whole + bool(self.rest))
        if batch == self.full:
            return before + whole, 0
        return before + batch // self.together, batch % self.together


def evaluation_batches(inputs: Inputs, split: str, *, workers: int = 1) -> tf.data.Dataset:
    """Return batches of a split in the order of the index, not augmented.

    Args:
        inputs: as `build_inputs` returned them.
        split: train, validation or test.
        workers: number of workers that share each batch equally; up to `workers - 1` images are
            left out for that.

    Returns:
        Batches of images and targets, of the shapes that `training_batches` describes.
    """
    rows, targets = _rows_of(inputs, split)
    shared = rows[: len(rows) // workers * workers] if len(rows) >= workers else rows
    batch = images_at_once(inputs.contract.shape) * workers
    batches = tf.data.Dataset.from_tensor_slices(shared).batch(batch)
    read = _untransformed(_reader(inputs, targets))
    batches = batches.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return _sharded_by_data(batches.prefetch(tf.data.AUTOTUNE))


def pixels_of(pixels: Path, rows: np.ndarray) -> np.ndarray:
    """Return the decoded images in these rows: (rows, height, width, channels) uint8."""
    return np.asarray(np.load(pixels, mmap_mode="r")[rows])


def _rows_of(inputs: Inputs, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of a split, and the targets of all images, of any split."""
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

    So no step of a pipeline is Python: a pipeline that calls Python can't be closed while Python
    waits for it to close, which now and then hangs a training for ever.

    Args:
        file: .npy, C-ordered uint8, as NumPy writes it: after a header of a multiple of 64 bytes.

    Returns:
        A function for use in a graph, which returns the array as a tensor without copying it.
    """
    # NumPy parses the header, TensorFlow maps the file: only the offset and the shape are used.
    array = np.load(file, mmap_mode="r")
    whole = tf.raw_ops.ImmutableConst(
        dtype=tf.uint8, shape=[file.stat().st_size], memory_region_name=str(file)
    )
    return lambda: tf.reshape(whole[array.offset :], array.shape)


def _untransformed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep AutoGraph from rewriting a function; its conditions are decided when it is traced."""
    wrapped: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return wrapped


def _sharded_by_data(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Let distributed workers share the batches themselves, as there are no files to share."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _as_targets(numbers: tf.Tensor, contract: InputContract) -> tf.Tensor:
    if contract.class_mode == "categorical":
        return tf.one_hot(numbers, len(contract.classes))
    if contract.class_mode == "binary":
        return tf.cast(numbers, tf.float32)[:, None]
    return numbers
