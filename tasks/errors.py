"""The errors Pixelgate raises on purpose; each says what was wrong and what to do.

PixelgateError              exit 1  an end that needs an operator
├── UsageError              exit 2  wrong usage or settings
│   ├── SettingsError               a setting is unknown or out of range
│   ├── DataFolderError             the data folder can't be read as a labelled image set
│   └── NoChampionError             there is no model in production yet
├── DataRejectedError       exit 3  the data gate said no
├── ModelRejectedError      exit 4  the model gate said no
├── RunInProgressError      exit 1  another retraining of the same model is running
├── DrillFailedError        exit 1  a rule of the gate did not catch its fault
├── PicturesChangedError    exit 1  files changed between the inventory and their decoding
└── TrainingFailedError     exit 1  training ended without a usable model
"""


class PixelgateError(Exception):
    """Base of every error a user can mend; printed as one message, never as a traceback."""

    exit_code = 1
    outcome = "failed"


class UsageError(PixelgateError):
    """The command, a setting or an input is not what is expected."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is unknown, has the wrong type, or is out of its range."""


class DataFolderError(UsageError):
    """The data folder is missing, empty, or laid out in no known way."""


class NoChampionError(UsageError):
    """No model is in production under this name."""


class DataRejectedError(PixelgateError):
    """At least one critical expectation failed; nothing was trained or registered."""

    exit_code = 3
    outcome = "data_rejected"


class ModelRejectedError(PixelgateError):
    """The new model did not reach the floor, or its saved file answered differently."""

    exit_code = 4
    outcome = "model_rejected"


class RunInProgressError(PixelgateError):
    """A second retraining of the same model was asked for while one is running."""


class DrillFailedError(PixelgateError):
    """A planted fault was not caught, or an untouched sample was held up."""


class PicturesChangedError(PixelgateError):
    """Files on disk are no longer those the inventory described."""


class TrainingFailedError(PixelgateError):
    """Training produced no model worth evaluating."""


class NothingNew(Exception):  # noqa: N818 - an early good end, not a fault
    """Data, settings and code are those of a run already judged; there is nothing to learn."""

    outcome = "unchanged"


class WorkerDone(NothingNew):
    """A worker of a cluster has done its part; the chief goes on with the model."""

    outcome = "worker_done"
