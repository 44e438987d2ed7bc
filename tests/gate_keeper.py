"""The data gate of one home, and one folder judged without any history."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config.data import DataConfig
from tasks.config.gate import GateConfig
from tasks.config.schema import RetrainConfig
from tasks.inventory.embeddings import embeddings_of
from tasks.inventory.scan import take_inventory
from tasks.validation.baseline import accept_baseline
from tasks.validation.context import gather_context
from tasks.validation.quarantine import record_quarantine
from tasks.validation.validate import validate_inventory

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.inventory.embeddings import Embeddings
    from tasks.validation.verdict import Verdict


@dataclass
class GateKeeper:
    """The data gate of one home: judges folders by everything accepted before, and accepts them."""

    home: Path
    judged: int = 0

    def config(self, root: Path, **gate: Any) -> RetrainConfig:
        """Return settings for a folder, the gate's as given."""
        return RetrainConfig.model_validate(
            {"home": self.home, "data": {"directory": root}, "gate": gate}
        )

    def inventory(self, root: Path) -> pd.DataFrame:
        """Take inventory with the cache of the home."""
        settings = DataConfig(directory=root)
        return take_inventory(settings, seed=42, cache_dir=self.home / "state/inventory")

    def embeddings(self, root: Path) -> Embeddings | None:
        """Return the embeddings of large photographs, None of other images."""
        return embeddings_of(
            self.inventory(root),
            DataConfig(directory=root),
            root=root,
            cache_dir=self.home / "state/inventory",
        )

    def judge(self, root: Path, *, context: dict[str, Any] | None = None, **gate: Any) -> Verdict:
        """Judge a folder; `context` overrides what the home remembers."""
        config = self.config(root, **gate)
        remembered = gather_context(config.paths, champion_classes=None)
        self.judged += 1
        verdict = validate_inventory(
            self.inventory(root),
            config.gate,
            directory=self.home / f"runs/{self.judged}/validation",
            context=dataclasses.replace(
                remembered, embeddings=self.embeddings(root), **(context or {})
            ),
            data_docs=False,
        )
        record_quarantine(config.paths, self.inventory(root), verdict)
        return verdict

    def accept(self, root: Path, **gate: Any) -> Verdict:
        """Judge a folder and make it the baseline."""
        verdict = self.judge(root, **gate)
        config = self.config(root, **gate)
        accept_baseline(
            config.paths,
            self.inventory(root),
            verdict,
            run_id=f"run{self.judged}",
            max_baselines=config.gate.learning.runs,
            embeddings=self.embeddings(root),
        )
        return verdict


def judge(
    root: Path, *, data_docs: bool = False, data: dict[str, Any] | None = None, **gate: object
) -> Verdict:
    """Take inventory of a folder, with settings of the data, and judge it."""
    inventory = take_inventory(DataConfig(directory=root, **(data or {})), seed=42)
    return validate_inventory(
        inventory,
        GateConfig.model_validate(gate),
        directory=root.parent / "validation",
        data_docs=data_docs,
    )


def broken_rules(verdict: Verdict) -> set[str]:
    """Return the names of the rules that failed."""
    return {finding.rule for finding in verdict.failures}


def train_file(root: Path, label: str) -> Path:
    """Return a file of a class that is in the train split."""
    inventory = take_inventory(DataConfig(directory=root), seed=42)
    train = inventory[(inventory["split"] == "train") & (inventory["label"] == label)]
    return root / str(train["path"].iloc[0])
