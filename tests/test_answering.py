"""The champion answers from its ONNX file, without TensorFlow; otherwise from its .keras file."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tasks.errors import NoChampionError, UsageError
from tasks.exports.export import exported
from tasks.serving.answering import open_champion
from tasks.serving.given_files import expand_given, refuse_all_missing
from tasks.serving.path_list import STDIN, with_listed
from tasks.serving.predictor import answer_files, predict_files
from tests.image_trees import ROOT

if TYPE_CHECKING:
    from tests.command_line import Command
    from tests.model_bench import Bench

# What answers without these modules starts in less than a second.
SLOW = ("tensorflow", "keras", "mlflow", "sklearn", "scipy", "great_expectations", "prefect")
PREDICT = f"""
import sys
from flows.cli.main import main
try:
    main()
finally:
    print([name for name in {SLOW} if name in sys.modules], file=sys.__stdout__)
"""


@pytest.fixture(scope="module")
def registered(prepared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Register a champion with an ONNX file, once."""
    bench = prepared_bench.at_home(tmp_path_factory.mktemp("served") / "home")
    bench.config.paths.state.mkdir(parents=True)
    shutil.copy(prepared_bench.config.paths.database, bench.config.paths.database)
    with exported(bench.model, bench.inputs, bench.config) as folder:
        bench.retrain(0.9, exports=folder)
    return bench


@pytest.fixture
def served(registered: Bench, tmp_path: Path) -> Bench:
    """Return a copy of the home whose champion has an ONNX file."""
    shutil.copytree(registered.config.home, tmp_path / "home")
    return registered.at_home(tmp_path / "home")


def onnx_file(bench: Bench) -> Path:
    """Return the ONNX file of a bench's champion."""
    return bench.store.model_path("1", "exports/model.onnx")


def answer_of(bench: Bench, caplog: pytest.LogCaptureFixture) -> str:
    """Return the format that answers, after a check of its answers."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "pixelgate"):
        model = open_champion(bench.store)
    table = answer_files(expand_given([bench.root / "a"]), model, max_pixels=10**6)
    expected = pd.read_parquet(bench.evaluation.predictions).set_index("path")
    named = table.set_index("path")
    for path in expected.index[expected.index.str.startswith("a/")]:
        row = named.loc[str(bench.root / path)]
        assert row["predicted"] == expected.loc[path, "predicted"]
        assert row["probability"] == pytest.approx(expected.loc[path, "probability"], abs=1e-5)
    return model.format


def test_predict_imports_no_tensorflow(served: Bench, tmp_path: Path) -> None:
    """Nor anything else that takes seconds; the answers are those of the evaluation."""
    arguments = ["predict", served.root / "a/000.png", "--format", "jsonl", "--name", "bench"]
    command = [*arguments, "--home", served.config.home]
    ended = subprocess.run(
        [sys.executable, "-c", PREDICT, *map(str, command)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    line, loaded = ended.stdout.splitlines()
    assert loaded == "[]"
    assert "TensorFlow" not in ended.stderr
    expected = predict_files([served.root / "a/000.png"], served.store, max_pixels=10**6)
    answer = json.loads(line)
    assert answer.pop("probability") == pytest.approx(expected["probability"][0], abs=1e-6)
    assert answer == expected.drop(columns="probability").iloc[0].to_dict()


def test_without_a_good_onnx_file_the_keras_file_answers(
    served: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alike, with a line that says so: a file that is changed, lost, torn, or not readable here."""
    assert answer_of(served, caplog) == "onnx"
    assert not caplog.messages
    file = onnx_file(served)
    content = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "onnxruntime", None)
        patch.delitem(sys.modules, "tasks.exports.onnx_session")
        assert answer_of(served, caplog) == "keras"
        assert "pip install onnxruntime" in caplog.text
    file.write_bytes(content[:-1] + b"x")
    assert answer_of(served, caplog) == "keras"
    assert "ONNX file of version 1 is not used: its content changed" in caplog.text
    file.unlink()
    assert answer_of(served, caplog) == "keras"
    assert "version 1 answers from its .keras file" in caplog.text
    shutil.rmtree(file.parent)
    assert answer_of(served, caplog) == "keras"


def test_a_version_without_exports_answers_from_keras(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """As those that were registered by earlier releases, or with exports.onnx switched off."""
    bench.retrain(0.9)
    assert answer_of(bench, caplog) == "keras"
    assert caplog.messages[-1].startswith("version 1 answers from its .keras file")


def test_tables_that_cant_be_read_directly_are_read_by_mlflow(
    served: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of another MLflow, whose columns are not ours to know."""
    monkeypatch.setattr("tasks.registry.served_files.QUERY", "SELECT gone FROM nowhere")
    assert answer_of(served, caplog) == "onnx"


def test_a_missing_champion_is_said_before_anything_is_loaded(bench: Bench) -> None:
    """Also where it must not be seen."""
    with pytest.raises(NoChampionError, match=r"bench.*pixelgate run"):
        open_champion(bench.store)
    bench.retrain(0.9)
    unseen = dataclasses.replace(bench.store, without_champion=True)
    with pytest.raises(NoChampionError):
        open_champion(unseen)


def test_the_most_probable_classes_are_named_in_order(served: Bench) -> None:
    """As many as asked for, at most all; the first is the one that is predicted alone."""
    files = [served.root / "a", served.root / "gone.png"]
    one = predict_files(files, served.store, max_pixels=10**6)
    table = predict_files(files, served.store, max_pixels=10**6, top=5)
    assert list(table.columns) == [
        *("path", "predicted", "probability", "predicted_2", "probability_2", "note", "error"),
    ]
    pd.testing.assert_frame_equal(table[one.columns], one)
    good = table[table["error"].isna()]
    assert (good["predicted"] != good["predicted_2"]).all()
    np.testing.assert_allclose(good["probability"] + good["probability_2"], 1, atol=1e-6)
    assert table.iloc[-1][["predicted_2", "probability_2"]].isna().all()


def test_paths_are_read_from_stdin(
    served: Bench, pixelgate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As find, ls and spreadsheets list them; the rows are in their order."""
    paths = [str(served.root / name) for name in ("a/000.png", "gone.png", "b/001.png")]
    lists = ("{}\n{}\n{}\n", "{}\r\n\r\n{}\r\n{}", "{}\0{}\0{}\0", "\ufeff{}\n{}\n{}")
    for listed in lists:
        given = with_listed([STDIN], io.BytesIO(listed.format(*paths).encode()))
        assert [str(path) for path in given] == paths
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(paths).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    flags = ("--name", "bench", "--home", served.config.home)
    ended = pixelgate("predict", "-", served.root / "a/002.png", "-k", 2, *flags)
    assert ended.code == 5, ended.err
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [row["path"] for row in rows] == [*paths, str(served.root / "a/002.png")]
    assert [row["predicted_2"] != "" for row in rows] == [True, False, True, True]
    assert rows[1]["error"] == "No such image or folder"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", r"stdin holds a file \(JPEG\), not a list"),
        (b"\n\n", "No images are given"),
        (None, "stdin is closed"),
    ],
)
def test_what_is_no_list_is_said(content: bytes | None, words: str) -> None:
    """An image that is piped in, nothing at all, and a process without stdin."""
    with pytest.raises(UsageError, match=words):
        refuse_all_missing(with_listed([STDIN], None if content is None else io.BytesIO(content)))
    with pytest.raises(UsageError, match="only once"):
        with_listed([STDIN, STDIN], io.BytesIO(b""))


def test_names_are_taken_as_they_are() -> None:
    """Spaces, bytes that are not UTF-8, line breaks after NUL, and a file named like the dash."""
    content = b" a b.png\ncaf\xe9.png\nP2 x.png\x85\n"
    names = [os.fsencode(path) for path in with_listed([STDIN], io.BytesIO(content))]
    assert names == [b" a b.png", b"caf\xe9.png", b"P2 x.png\x85"]
    assert with_listed([STDIN], io.BytesIO(b"P2 x\ny\0")) == [Path("P2 x\ny")]
    assert with_listed([Path("./-x")], None) == [Path("./-x")]
