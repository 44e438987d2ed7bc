"""Whatever ends a training goes in; an error that says what is left and what to do comes out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import tensorflow as tf

from tasks.errors import PixelgateError, TrainingFailedError
from tasks.runtime.user_code import describe_fault, fault_location, log_traceback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.config.training import TrainingConfig
    from tasks.training.workspace import Workspace


@contextlib.contextmanager
def faults_as_messages(workspace: Workspace, settings: TrainingConfig) -> Iterator[None]:
    """Turn faults of the machine and of the user's code into a message.

    Args:
        workspace: says where the training resumes.
        settings: name the user's own code.

    Raises:
        TrainingFailedError: memory or disk ran out, or the user's code failed.
    """
    try:
        yield
    except PixelgateError:
        raise
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingFailedError(
            f"Training ran out of memory: {_first_line(error)}. Lower generators.batch_size or"
            f" generators.target_size. {workspace.resume_message}"
        ) from error
    except Exception as error:
        location = fault_location(error, _own_code(settings))
        if location is not None:
            log_traceback(error)
            raise TrainingFailedError(
                f"Your own code failed during training with {describe_fault(error)} ({location})."
                f" {workspace.resume_message}"
            ) from error
        if isinstance(error, OSError):
            raise TrainingFailedError(
                f"Training could not write its files: {_first_line(error)}. Free space on the disk"
                f" of {workspace.directory}. {workspace.resume_message}"
            ) from error
        raise


def _own_code(settings: TrainingConfig) -> list[str]:
    return [path for path in (*settings.callbacks, settings.model) if ":" in path]


def _first_line(error: BaseException) -> str:
    # TensorFlow's messages continue with pages of graph nodes.
    return (str(error).splitlines() or [type(error).__name__])[0]
