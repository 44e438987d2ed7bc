"""A Prefect server of one's own that is lost while a run goes on."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.image_trees import ROOT
from tests.prefect_server import start_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command, CommandProcess
    from tests.image_trees import Tree

KILLER = """
import os, signal
import keras

class KillServer(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            os.kill(int(os.environ["SERVER_TO_KILL"]), signal.SIGKILL)
"""


def test_a_run_whose_server_is_lost_counts(
    pixelgate: Command, pixelgate_process: CommandProcess, image_tree: Tree, tmp_path: Path
) -> None:
    """Killed in training: the model is promoted, recorded, and the exit code says so."""
    (tmp_path / "killer.py").write_text(KILLER)
    (tmp_path / "server").mkdir()
    server = start_server(tmp_path / "server")
    url = f"http://127.0.0.1:{server['port']}/api"
    try:
        ended = pixelgate_process(
            *("run", "--data", image_tree({"a": 60, "b": 60}), "--json"),
            *("--set", "training.epochs=4", "--set", "generators.batch_size=16"),
            *("--set", 'training.callbacks=["killer:KillServer"]'),
            env={
                "PREFECT_API_URL": url,
                # Prefect would try again for minutes in all.
                "PREFECT_CLIENT_MAX_RETRIES": "0",
                "SERVER_TO_KILL": str(server["pid"]),
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
            },
        )
    finally:
        with suppress(ProcessLookupError):
            os.kill(server["pid"], signal.SIGKILL)
    assert ended.code == 0, ended.err
    assert ended.json["outcome"] == "promoted"
    assert "the run goes on" in ended.err
    assert "Prefect was not told how the run ended" in ended.err
    assert "Traceback" not in ended.err
    assert pixelgate("runs", "--json").json[0]["outcome"] == "promoted"
