"""What Keras 3 lacks for workers that train together."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tasks.training.checkpoints import KEPT


def agree_on_step(strategy: tf.distribute.Strategy, backups: list[int]) -> int:
    """Return the last step that every worker can go on from; workers may have been killed apart.

    Each worker backs up at the same steps and keeps the last few, so that one is common to all
    unless a worker lost its disk; then all begin anew.

    Args:
        strategy: the one the workers opened together.
        backups: the steps this worker has whole backups of.
    """
    told = sorted(backups, reverse=True)[:KEPT]
    padded = tf.constant([told + [0] * (KEPT - len(told))], tf.int64)
    everyone = strategy.gather(padded, axis=0).numpy().tolist()
    return int(max(set.intersection(*map(set, everyone)), default=0))


class ClusterModel(keras.Model):
    """A model that can be fitted under MultiWorkerMirroredStrategy; for training only.

    Keras 3.15 fails there twice: to learn the shapes of a batch it averages a first one over all
    workers (`Attempt to convert a value (PerReplica...`), and it averages a step's scalars along a
    dimension they don't have (`Invalid reduction dimension 0`). tests/test_hardware.py trains two
    workers, and will tell when plain models can.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        if self.built and self.optimizer.built:
            return
        for _, _, batches in iterator or ():
            data_batch = next(batches)
            break
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
