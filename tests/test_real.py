"""MNIST and CIFAR-10 as files, with the settings as they are: `make test-real DATA=folder`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]

pytestmark = pytest.mark.real

CONFIGS = Path(__file__).parents[1] / "deployments/configs"


def data_set(name: str) -> Path:
    """Return the folder of a data set below PIXELGATE_REAL_DATA."""
    return Path(os.environ["PIXELGATE_REAL_DATA"]).absolute() / name


def test_mnist_is_promoted_then_unchanged_then_news(pixelgate: Command, tmp_path: Path) -> None:
    """At least 99.2% with default settings; again in seconds; one new file is news."""
    folder = tmp_path / "mnist"
    shutil.copytree(data_set("mnist_png"), folder)
    first = pixelgate("run", "--data", folder, "--json", flow=True, minutes=30)
    assert first.json["outcome"] == "promoted", first.err
    assert first.json["metrics"]["accuracy"] >= 0.992
    again = pixelgate("run", "--data", folder, "--json", flow=True)
    assert again.json["outcome"] == "unchanged"
    trained = sum(stage["seconds"] for stage in first.json["stages"])
    assert sum(stage["seconds"] for stage in again.json["stages"]) < trained / 5
    source = next((folder / "training/7").iterdir())
    (folder / "training/7/new.png").write_bytes(source.read_bytes())
    news = pixelgate(
        "run", "--data", folder, "--set", "training.epochs=1", "--json", flow=True, minutes=30
    )
    assert "train" in [stage["name"] for stage in news.json["stages"]]
    assert news.json["data_fingerprint"] != first.json["data_fingerprint"]


def test_cifar_10_runs_by_pointing_at_it(pixelgate: Command) -> None:
    """Another size, colour and format, and nothing is set."""
    ended = pixelgate("run", "--data", data_set("cifar10"), "--json", flow=True, minutes=30)
    assert ended.json["outcome"] == "promoted", ended.err
    assert ended.json["metrics"]["accuracy"] > 0.7


def test_the_tutorials_settings_run_as_they_stand(pixelgate: Command) -> None:
    """tutorial.toml, ten epochs of basic_cnn on MNIST."""
    ended = pixelgate(
        *("run", "--data", data_set("mnist_png"), "--config", CONFIGS / "tutorial.toml", "--json"),
        flow=True,
        minutes=60,
    )
    assert ended.json["outcome"] == "promoted", ended.err
    assert ended.json["metrics"]["accuracy"] > 0.95
