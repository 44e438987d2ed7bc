"""The errors Pixelgate raises on purpose; each message says what is wrong and what to do.

PixelgateError              exit 1  the run failed in a way an operator can fix
├── UsageError              exit 2  wrong usage or settings
│   ├── SettingsError               a setting is unknown or out of range
│   ├── DataFolderError             the data folder can't be read as a labelled image set
│   └── NoChampionError             there is no model in production yet
├── DataRejectedError       exit 3  the data gate rejected the data
├── ModelRejectedError      exit 4  the model gate rejected the model
├── UnreadableImagesError   exit 5  some of the images to predict can't be read
├── ChampionChangedError    exit 1  another version became champion in the meantime
├── RunInProgressError      exit 1  another retraining of the same model is running
├── DrillFailedError        exit 1  a rule of the gate did not catch its fault
├── ImagesChangedError      exit 1  files changed between the inventory and their decoding
├── DamagedFileError        exit 1  a file under home is torn, or not what was written
└── TrainingFailedError     exit 1  training ended without a usable model
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = "interrupted; run the same command to resume"


class PixelgateError(Exception):
    """Base of every error a user can fix; printed as a message, never as a traceback."""

    exit_code = 1
    outcome = Outcome.FAILED


class UsageError(PixelgateError):
    """The command, a setting or an input is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is unknown, has the wrong type, or is out of its range."""


class DataFolderError(UsageError):
    """The data folder is missing or empty, or its layout is unknown."""


class NoChampionError(UsageError):
    """No model is in production under this name."""


class DataRejectedError(PixelgateError):
    """At least one critical expectation failed; nothing was trained or registered."""

    exit_code = 3
    outcome = Outcome.DATA_REJECTED


class ModelRejectedError(PixelgateError):
    """The new model broke a critical rule of the model gate."""

    exit_code = 4
    outcome = Outcome.MODEL_REJECTED


class UnreadableImagesError(PixelgateError):
    """Some of the images to predict can't be read; all others were predicted."""

    exit_code = 5


class ChampionChangedError(PixelgateError):
    """A promotion was decided against a champion that is not in production any more."""


class RunInProgressError(PixelgateError):
    """A second retraining of the same model was started while one is running."""


class DrillFailedError(PixelgateError):
    """A planted fault was not caught, or an untouched sample was rejected."""


class ImagesChangedError(PixelgateError):
    """Files on disk are not the ones the inventory described any more."""


class DamagedFileError(PixelgateError):
    """A file that Pixelgate wrote is torn, or its content is not what was written."""

    def __init__(self, file: Path, problem: str, remedy: str = "Remove it, and run again.") -> None:
        """Name the file, what is wrong with it, and what to do."""
        self.problem = problem
        super().__init__(f"{file} is damaged: {problem}. {remedy}")


class TrainingFailedError(PixelgateError):
    """Training produced no model worth evaluating."""


class EarlyEnd(Exception):  # noqa: N818 - a good end, not an error
    """A run that ends successfully before its last stage."""

    outcome = Outcome.UNCHANGED


class Unchanged(EarlyEnd):
    """Data, settings and code are those of a run already judged; training would add nothing."""


class WorkerDone(EarlyEnd):
    """A worker of a cluster has done its part; the chief continues with the model."""

    outcome = Outcome.WORKER_DONE
