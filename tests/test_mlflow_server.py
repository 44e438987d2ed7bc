"""A registry on a real MLflow server: versions, exports, predictions and cards go through it."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from tasks.exports.export import exported
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.champion import require_champion
from tasks.registry.ledger_check import verify_ledger
from tasks.serving.answering import open_champion
from tasks.serving.predictor import predict_files
from tasks.serving.scoring import score_images
from tests.mlflow_server import mlflow_server

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.model_bench import Bench


def test_a_real_server_serves_versions_and_their_files(
    fresh_bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From registration to promotion, predictions from ONNX, a score, and the way back."""
    with mlflow_server(tmp_path) as address:
        registry = fresh_bench.config.registry.model_copy(update={"tracking_uri": address})
        config = fresh_bench.config.model_copy(update={"registry": registry})
        bench = dataclasses.replace(fresh_bench, config=config)
        with exported(bench.model, bench.inputs, bench.config) as exports:
            bench.retrain(0.9, exports=exports)
        bench.retrain(0.95, run="run2", champion=0.9)
        assert require_champion(bench.store).version == "2"
        assert open_champion(bench.store).format == "keras"
        promote_version(bench.store, "1", reason="the one with an ONNX file")
        caplog.clear()
        with caplog.at_level(logging.INFO, "pixelgate"):
            table = predict_files([bench.root / "a"], bench.store, max_pixels=10**6)
        assert "TensorFlow" not in caplog.text
        assert table["predicted"].notna().all()
        assert score_images([bench.root / "b"], bench.store, bench.config).expected is not None
        roll_back(bench.store, None, reason="back to the newest")
        assert require_champion(bench.store).version == "2"
        assert verify_ledger(bench.store).champion == "2"
    # Nothing of the server's is under this home.
    assert not bench.config.paths.database.exists()
    assert not bench.config.paths.artifacts.exists()
