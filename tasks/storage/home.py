"""Every path under the home folder; no other module puts one together.

```
<root>/                        .pixelgate/ by default, or PIXELGATE_HOME
├── runs/<id>/                 evidence of a run
├── state/                     what runs share
│   ├── mlflow.db, mlflow-artifacts/
│   ├── inventory/             inventory cache, split ledgers
│   ├── baselines/<model>/     the last accepted inventories
│   ├── quarantine/, overrides/  one JSON file per model
│   ├── decoded/               decode cache
│   ├── hardware/              which precision is faster on this machine
│   ├── training/<key>/        trainings in progress
│   ├── trained/<key>/         finished trainings
│   ├── evaluated/<key>/       finished evaluations
│   ├── tuning/<study>/        Optuna studies
│   └── <model>.lock
└── logs/pixelgate.log
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Hexadecimal digits, 128 bits: never the same for two keys, and short enough for a path.
KEY_LENGTH = 32


@dataclass(frozen=True)
class Home:
    """The folder of one model's runs and state.

    Several models can share a root: state that depends only on the data is shared, the rest is
    named after the model. Nothing under the root holds an absolute path, so it can be moved.

    Attributes:
        name: of the registered model.
        root: the home folder.
    """

    name: str
    root: Path

    def renamed(self, name: str) -> Home:
        """Return the same root for another model name, as the trials of a search need it."""
        return replace(self, name=name)

    @property
    def runs(self) -> Path:
        """Holds one folder per run."""
        return self.root / "runs"

    @property
    def state(self) -> Path:
        """Holds what runs share."""
        return self.root / "state"

    @property
    def log_file(self) -> Path:
        """Log file of what the libraries print."""
        return self.root / "logs" / "pixelgate.log"

    @property
    def demo_data(self) -> Path:
        """The images that `pixelgate demo` trains on."""
        return self.root / "demo" / "digits"

    @property
    def lock(self) -> Path:
        """Lock file, held while this model is retrained."""
        return self.state / f"{self.name}.lock"

    @property
    def database(self) -> Path:
        """MLflow's SQLite database."""
        return self.state / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """Root of MLflow's artifacts."""
        return self.state / "mlflow-artifacts"

    @property
    def inventory(self) -> Path:
        """Inventory caches and split ledgers."""
        return self.state / "inventory"

    @property
    def baselines(self) -> Path:
        """The last accepted inventories of this model's data."""
        return self.state / "baselines" / self.name

    @property
    def quarantine(self) -> Path:
        """JSON file of quarantined and cleared files."""
        return self.state / "quarantine" / f"{self.name}.json"

    @property
    def overrides(self) -> Path:
        """JSON file of overridden verdicts."""
        return self.state / "overrides" / f"{self.name}.json"

    @property
    def decoded(self) -> Path:
        """The decode cache."""
        return self.state / "decoded"

    @property
    def hardware(self) -> Path:
        """Measurements of this machine."""
        return self.state / "hardware"

    @property
    def trainings(self) -> Path:
        """Holds the trainings in progress."""
        return self.state / "training"

    @property
    def trained(self) -> Path:
        """Holds the finished trainings."""
        return self.state / "trained"

    @property
    def evaluated(self) -> Path:
        """Holds the finished evaluations."""
        return self.state / "evaluated"

    def training(self, key: str) -> Path:
        """Return the work folder of a training; `key` is a hash of everything it depends on."""
        return self.trainings / key[:KEY_LENGTH]

    def finished_training(self, key: str) -> Path:
        """Return the folder of a finished training."""
        return self.trained / key[:KEY_LENGTH]

    def evaluation(self, key: str) -> Path:
        """Return the folder of the finished evaluations of one key."""
        return self.evaluated / key[:KEY_LENGTH]

    def study(self, name: str) -> Path:
        """Return the folder of an Optuna study."""
        return self.state / "tuning" / name
