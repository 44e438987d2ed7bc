"""The settings and this machine go in; how training uses the machine comes out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import tensorflow as tf

from tasks.errors import SettingsError
from tasks.training.precision import native_precision

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.training import TrainingConfig

# A GPU is done with a small step before Python has started the next; on a CPU more gain nothing.
STEPS_PER_EXECUTION = 16


@dataclass(frozen=True)
class Hardware:
    """How a training uses this machine.

    Attributes:
        devices: what TensorFlow computes on.
        precision: Keras' dtype policy; auto until `with_precision` has chosen one.
        jit_compile: whether XLA compiles the steps.
        steps_per_execution: steps in one call of the graph.
        strategy: single, mirrored or multi_worker.
        workers: processes that train together.
        worker: rank of this one; 0 is the chief.
    """

    devices: str
    precision: str
    jit_compile: bool
    steps_per_execution: int
    strategy: str
    workers: int
    worker: int

    @property
    def is_chief(self) -> bool:
        """Whether this process evaluates and registers what all of them trained."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Devices among which a batch is divided."""
        gpus = len(tf.config.list_physical_devices("GPU"))
        here = max(1, gpus) if self.strategy != "single" else 1
        return self.workers * here

    @property
    def description(self) -> str:
        """All of it in one line."""
        steps = "step" if self.steps_per_execution == 1 else "steps"
        line = (
            f"on {self.devices}: {self.precision}, {'XLA' if self.jit_compile else 'no XLA'},"
            f" {self.steps_per_execution} {steps} per execution, strategy {self.strategy}"
        )
        return line if self.workers == 1 else f"{line}, worker {self.worker} of {self.workers}"

    def with_precision(self, cache: Path | None) -> Hardware:
        """Choose the precision if the settings don't; computes, so call `open_strategy` first.

        Args:
            cache: folder of measurements of this machine; None to measure again.
        """
        if self.precision != "auto":
            return self
        gpus = tf.config.list_physical_devices("GPU")
        return replace(self, precision=native_precision(gpus, cache))

    def for_steps(self, steps: int) -> Hardware:
        """Lower steps_per_execution to a divisor of an epoch's steps.

        Keras rounds an epoch up to whole executions, and would train more steps than planned.
        """
        most = self.steps_per_execution
        return replace(
            self, steps_per_execution=max(n for n in range(1, most + 1) if steps % n == 0)
        )

    def open_strategy(self) -> tf.distribute.Strategy:
        """Make the tf.distribute strategy; for multi_worker before anything else of TensorFlow."""
        if self.strategy == "multi_worker":
            return tf.distribute.MultiWorkerMirroredStrategy()
        if self.strategy == "mirrored":
            return tf.distribute.MirroredStrategy()
        return tf.distribute.get_strategy()


def choose_hardware(settings: TrainingConfig) -> Hardware:
    """Decide what the settings leave to the machine.

    Args:
        settings: precision, jit_compile, steps_per_execution and strategy; those that are set win.

    Raises:
        SettingsError: multi_worker without a TF_CONFIG, or with max_minutes; or a TF_CONFIG that
            can't be read.
    """
    gpus = tf.config.list_physical_devices("GPU")
    workers, rank = _rank_in_cluster()
    strategy = settings.strategy
    if strategy == "auto":
        strategy = "multi_worker" if workers > 1 else "mirrored" if len(gpus) > 1 else "single"
    elif strategy == "multi_worker" and "TF_CONFIG" not in os.environ:
        raise SettingsError(
            "training.strategy = multi_worker needs TF_CONFIG in the environment of each worker:"
            ' {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        )
    together = strategy == "multi_worker"
    # Each worker has a clock of its own: one that stops earlier leaves the others waiting for ever.
    if together and settings.max_minutes is not None:
        raise SettingsError(
            "training.max_minutes can't end workers that train together at the same step. Leave it"
            " out, or set training.epochs."
        )
    steps = settings.steps_per_execution
    if steps == "auto":
        steps = STEPS_PER_EXECUTION if gpus else 1
    return Hardware(
        devices=f"{len(gpus)} GPU" if gpus else f"{os.cpu_count()} CPU cores",
        precision=settings.precision,
        jit_compile=bool(gpus) if settings.jit_compile == "auto" else settings.jit_compile,
        steps_per_execution=steps,
        strategy=strategy,
        workers=workers if together else 1,
        worker=rank if together else 0,
    )


def _rank_in_cluster() -> tuple[int, int]:
    """Return how many workers TF_CONFIG names, and which of them this process is."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 1, 0
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    try:
        cluster = resolver.cluster_spec().as_dict()
        job, index = resolver.task_type, resolver.task_id
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"TF_CONFIG can't be read ({type(error).__name__}: {error}). Received: {text}"
        ) from None
    # TensorFlow takes a process without a cluster for one that trains alone; here it is more likely
    # a misspelled key, and each worker would train a model of its own.
    if not cluster or index is None:
        raise SettingsError(
            f"TF_CONFIG can't be read: it needs a cluster and a task. Received: {text}"
        )
    # Ranks as TensorFlow counts them: a chief, if there is one, comes before the workers.
    chiefs, workers = len(cluster.get("chief", ())), len(cluster.get("worker", ()))
    return max(1, chiefs + workers), index + (chiefs if job == "worker" else 0)
