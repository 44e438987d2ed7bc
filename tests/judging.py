"""One folder, judged by the data gate as it stands, without a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.data import DataConfig
from tasks.config.gate import GateConfig
from tasks.inventory.scan import take_inventory
from tasks.validation.validate import validate_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.validation.verdict import Verdict


def judge(root: Path, *, data_docs: bool = False, **gate: object) -> Verdict:
    """Take inventory of a folder and judge it."""
    inventory = take_inventory(DataConfig(directory=root), seed=42)
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
    return root / train["path"].iloc[0]
