"""Every path under the home folder; no other module puts one together.

```
<root>/                        .pixelgate/ by default, or PIXELGATE_HOME
├── runs/<id>/                 evidence of a run
├── models/<model>.toml        what `pixelgate up` retrains, and when
├── alarms.toml                who receives alarms
├── scores/<model>/<id>/       predictions of new images, and how they differ from the known ones
├── state/                     what runs share
│   ├── mlflow.db, mlflow-artifacts/
│   ├── inventory/             inventory cache, split ledgers
│   ├── baselines/<model>/     the last accepted inventories
│   ├── quarantine/, overrides/  one JSON file per model
│   ├── ledger/                the decisions about each model's versions
│   ├── decoded/               decode cache
│   ├── hardware/              which precision is faster on this machine
│   ├── pretrained/            converted networks with ImageNet weights
│   ├── features/              what they say about each image
│   ├── training/<key>/        trainings in progress
│   ├── trained/<key>/         finished trainings
│   ├── evaluated/<key>/       finished evaluations
│   ├── judged/<key>/          verdicts on the data, with their evidence
│   ├── tuning/<study>/        Optuna studies
│   ├── scratch/               what commands need for a moment
│   ├── desk-token             what the desk's actions ask for
│   ├── requests/              runs that were asked for and have not started yet
│   ├── services/              what `pixelgate up` runs: addresses, tokens, databases, logs
│   ├── alarms.db              alarms, and whom they still have to reach
│   ├── drills/<model>.json    how the last drill of the data gate ended
│   ├── thumbnails/            images of the desk's data browser
│   ├── proposals/             what people propose about the images of a run
│   └── <model>.lock
└── logs/pixelgate.log
```
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# How files under a home name the home itself.
HERE = "<home>"

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
    def scores(self) -> Path:
        """Holds one folder per scoring of new images by this model."""
        return self.root / "scores" / self.name

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

    def ledger(self, store: str = "") -> Path:
        """Return the ledger of decisions; of another store than the embedded one by its name."""
        return self.state / "ledger" / f"{self.name}{store and f'@{store}'}.jsonl"

    @property
    def decoded(self) -> Path:
        """The decode cache."""
        return self.state / "decoded"

    @property
    def hardware(self) -> Path:
        """Measurements of this machine."""
        return self.state / "hardware"

    @property
    def scratch(self) -> Path:
        """Holds what commands need for a moment."""
        return self.state / "scratch"

    @property
    def desk_token(self) -> Path:
        """The token of the operations desk: what its actions ask for, and other machines."""
        return self.state / "desk-token"

    @property
    def installed_models(self) -> Path:
        """Holds one TOML file for each model that `pixelgate up` retrains."""
        return self.root / "models"

    @property
    def requests(self) -> Path:
        """Holds one JSON file for each run that was asked for and has not started."""
        return self.state / "requests"

    @property
    def services(self) -> Path:
        """Holds what `pixelgate up` runs: addresses, tokens, databases and logs."""
        return self.state / "services"

    @property
    def alarms(self) -> Path:
        """SQLite database of alarms, and of those who still have to be told."""
        return self.state / "alarms.db"

    @property
    def alarm_settings(self) -> Path:
        """TOML file of who receives alarms, and when."""
        return self.root / "alarms.toml"

    @property
    def last_drill(self) -> Path:
        """How the last drill of this model's data gate ended."""
        return self.state / "drills" / f"{self.name}.json"

    @property
    def thumbnails(self) -> Path:
        """Small versions of images for the desk's data browser."""
        return self.state / "thumbnails"

    @property
    def proposals(self) -> Path:
        """Holds one JSON file for each run whose images somebody made proposals about."""
        return self.state / "proposals"

    @property
    def pretrained(self) -> Path:
        """Converted networks with ImageNet weights."""
        return self.state / "pretrained"

    @property
    def features(self) -> Path:
        """The features that frozen networks computed."""
        return self.state / "features"

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

    @property
    def judged(self) -> Path:
        """Holds the last verdicts on the data."""
        return self.state / "judged"

    def stored(self, content: Any) -> Any:
        """Return plain content as a file under this home holds it: with `<home>` for its path.

        Args:
            content: text, paths, and lists and dictionaries of them; other values are not changed.
        """
        # Both, as messages of libraries may name the target of a link. The root of a file system
        # is part of every path and can't be told from them.
        roots = {str(root) for root in (self.root.absolute(), self.root.resolve()) if root.name}
        if not roots:
            return _each_text(content, str)
        either = "|".join(map(re.escape, sorted(roots, key=len, reverse=True)))
        # Not within a longer path or name, such as /home of /srv/home or /home-2.
        pattern = re.compile(rf"(?<![\w.-])(?:{either})(?![\w-]|\.\w)")
        return _each_text(content, lambda text: pattern.sub(HERE, text))

    def shown(self, content: Any) -> Any:
        """Return what `stored` returned with the present path of this home."""
        return _each_text(content, lambda text: text.replace(HERE, str(self.root)))

    def shown_json(self, text: str) -> str:
        """Return the text of a JSON file with the present path of this home: `shown`, but fast."""
        return text.replace(HERE, json.dumps(str(self.root))[1:-1])

    def training(self, key: str) -> Path:
        """Return the work folder of a training; `key` is a hash of everything it depends on."""
        return self.trainings / key[:KEY_LENGTH]

    def finished_training(self, key: str) -> Path:
        """Return the folder of a finished training."""
        return self.trained / key[:KEY_LENGTH]

    def evaluation(self, key: str) -> Path:
        """Return the folder of the finished evaluations of one key."""
        return self.evaluated / key[:KEY_LENGTH]

    def verdict(self, key: str) -> Path:
        """Return the folder of the data gate's verdict of one key."""
        return self.judged / key[:KEY_LENGTH]

    def study(self, name: str) -> Path:
        """Return the folder of an Optuna study."""
        return self.state / "tuning" / name


def _each_text(content: Any, change: Callable[[str], str]) -> Any:
    if isinstance(content, (str, Path)):
        return change(str(content))
    if isinstance(content, dict):
        return {key: _each_text(value, change) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_each_text(value, change) for value in content]
    return content
