"""Workers that train together: the step they all resume from, and what Keras 3 lacks for them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tasks.training.workspace import BACKUPS_KEPT


def agree_on_step(strategy: tf.distribute.Strategy, backups: list[int]) -> int:
    """Return the last step that every worker can resume from; they may have been killed apart.

    Each worker backs up at the same steps and keeps the last few, so that they have one in common
    unless a worker lost its disk; then all start from scratch.

    Args:
        strategy: the one the workers opened together.
        backups: the steps this worker has intact backups of.
    """
    # Gathering needs the same shape from every worker; step 0 is one they all have.
    latest = sorted(backups, reverse=True)[:BACKUPS_KEPT]
    padded = tf.constant([latest + [0] * (BACKUPS_KEPT - len(latest))], tf.int64)
    of_all = strategy.gather(padded, axis=0).numpy().tolist()
    return int(max(set.intersection(*map(set, of_all)), default=0))


class ClusterModel(keras.Model):
    """A model that can be fitted under MultiWorkerMirroredStrategy; for training only.

    Keras 3.15 fails there twice: to learn the shapes of a batch it averages a first one over all
    workers (`Attempt to convert a value (PerReplica...`), and it averages a step's scalars along a
    dimension they don't have (`Invalid reduction dimension 0`). tests/test_hardware.py trains two
    workers, and shows when plain models can.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        if self.built and self.optimizer.built:
            return
        for _, _, batches in iterator or ():
            data_batch = next(batches)
            break
        # Shapes are the same on every worker, so this one's share is enough to learn them.
        local = tf.nest.map_structure(self._first_of_replica, data_batch)
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=local)

    def _first_of_replica(self, value: Any) -> Any:
        return self.distribute_strategy.experimental_local_results(value)[0]

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Train one step; the metrics are vectors of one number."""
        return _as_vectors(super().train_step(data))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Evaluate one step; the metrics are vectors of one number."""
        return _as_vectors(super().test_step(data))


def _as_vectors(metrics: dict[str, Any]) -> dict[str, tf.Tensor]:
    return {name: tf.reshape(value, (1,)) for name, value in metrics.items()}
