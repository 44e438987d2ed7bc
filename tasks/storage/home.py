"""Every path under the home folder, by the name of a model: nothing else puts these together.

```
<root>/                        .pixelgate/ by default, or PIXELGATE_HOME
├── runs/<id>/                 the evidence of a run
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

# Long enough never to collide, short enough for a path.
KEY_LENGTH = 32


@dataclass(frozen=True)
class Home:
    """The folder one model's runs and state are kept in.

    Several models can share a root: state that depends on the data alone is shared, the rest is
    named after the model.

    Attributes:
        name: of the registered model.
        root: the home folder.
    """

    name: str
    root: Path

    def renamed(self, name: str) -> Home:
        """Return the same folder for another model, such as the trials of a search."""
        return replace(self, name=name)

    @property
    def runs(self) -> Path:
        """Folder with one folder per run."""
        return self.root / "runs"

    @property
    def state(self) -> Path:
        """Folder of what runs share."""
        return self.root / "state"

    @property
    def log_file(self) -> Path:
        """What the libraries print."""
        return self.root / "logs" / "pixelgate.log"

    @property
    def demo_data(self) -> Path:
        """The images `pixelgate demo` trains on."""
        return self.root / "demo" / "digits"

    @property
    def lock(self) -> Path:
        """Lock file held by the retraining of this model."""
        return self.state / f"{self.name}.lock"

    @property
    def database(self) -> Path:
        """MLflow's SQLite database."""
        return self.state / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts."""
        return self.state / "mlflow-artifacts"

    @property
    def inventory(self) -> Path:
        """Inventory caches and split ledgers."""
        return self.state / "inventory"

    @property
    def baselines(self) -> Path:
        """Accepted inventories of this model's data."""
        return self.state / "baselines" / self.name

    @property
    def quarantine(self) -> Path:
        """JSON file of quarantined and cleared files."""
        return self.state / "quarantine" / f"{self.name}.json"

    @property
    def overrides(self) -> Path:
        """JSON file of overruled verdicts."""
        return self.state / "overrides" / f"{self.name}.json"

    @property
    def decoded(self) -> Path:
        """The decode cache."""
        return self.state / "decoded"

    @property
    def hardware(self) -> Path:
        """What was measured of this machine."""
        return self.state / "hardware"

    @property
    def trainings(self) -> Path:
        """Folder of trainings in progress."""
        return self.state / "training"

    @property
    def trained(self) -> Path:
        """Folder of finished trainings."""
        return self.state / "trained"

    @property
    def evaluated(self) -> Path:
        """Folder of finished evaluations."""
        return self.state / "evaluated"

    def training(self, key: str) -> Path:
        """Return the workspace of a training; `key` is a hash of everything it depends on."""
        return self.trainings / key[:KEY_LENGTH]

    def finished_training(self, key: str) -> Path:
        """Return where a finished training is kept."""
        return self.trained / key[:KEY_LENGTH]

    def evaluation(self, key: str) -> Path:
        """Return where finished evaluations are kept."""
        return self.evaluated / key[:KEY_LENGTH]

    def study(self, name: str) -> Path:
        """Return the folder of an Optuna study."""
        return self.state / "tuning" / name
