"""Runs whose images can be browsed: a folder of real files, and what a run would know of them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from deployments.desk.app import create_app
from tasks.evaluation.answers import write_probabilities
from tasks.inventory.columns import COLUMNS, DTYPES, THUMBNAIL
from tasks.outcome import Outcome
from tasks.storage.atomic import write_parquet
from tasks.storage.home import Home
from tests.image_trees import draw_image
from tests.run_records import write_run

if TYPE_CHECKING:
    from fastapi import FastAPI

OWN = {"Origin": "http://127.0.0.1:8200", "Sec-Fetch-Site": "same-origin"}
CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class BrowsedRun:
    """A run and its images: row 0 broke `sizes`, row 3 can't be read, every third was tested."""

    home: Home
    data: Path
    run_id: str

    @property
    def url(self) -> str:
        """Address of its images."""
        return f"/runs/{self.run_id}/images"

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.home.runs / self.run_id

    def app(self) -> FastAPI:
        """Return the desk."""
        return create_app(self.home)


def browsed_run(folder: Path, count: int, *, drawn: tuple[str, ...] = ("test",)) -> BrowsedRun:
    """Write images in two classes and the evidence of a run about them.

    Args:
        folder: gets data/ and home/.
        count: of images; beyond twenty they are links to the first ones.
        drawn: the splits that were drawn by the run.
    """
    home, data = Home("digits", folder / "home"), folder / "data"
    for label in CLASSES:
        (data / label).mkdir(parents=True)
    files = [_write_image(data, number) for number in range(count)]
    (data / files[3]).write_bytes(b"no image")
    run_id = write_run(home, Outcome.PROMOTED, images=count)
    run = BrowsedRun(home, data, run_id)
    settings = {"name": home.name, "data": {"directory": str(data)}}
    (run.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    _write_evidence(run, _inventory(data, files, drawn))
    return run


def _write_image(data: Path, number: int) -> str:
    path = f"{CLASSES[number % 2]}/{number:06d}.png"
    if number < 20:
        size = (16 + number, 16)
        draw_image(number % 2, number, size=size, mode="L").save(data / path)
    else:
        os.link(data / f"{CLASSES[number % 2]}/{4 + number % 16:06d}.png", data / path)
    return path


def _inventory(data: Path, paths: list[str], drawn: tuple[str, ...]) -> pd.DataFrame:
    contents = {path: (data / path).read_bytes() for path in paths[:20]}
    known = {(data / path).stat().st_ino: (path, content) for path, content in contents.items()}
    firsts = [known[(data / path).stat().st_ino] for path in paths]
    numbers = np.array([int(Path(first).stem) for first, _ in firsts])
    frame = pd.DataFrame(index=range(len(paths)), columns=[*COLUMNS], dtype=object).assign(
        path=paths,
        label=[path.partition("/")[0] for path in paths],
        split=np.where(np.arange(len(paths)) % 3 == 0, "test", "train"),
        height=16 + numbers,
        width=16,
        bytes=[len(content) for _, content in firsts],
        mtime_ns=[(data / path).stat().st_mtime_ns for path in paths],
        sha256=[hashlib.sha256(content).hexdigest() for _, content in firsts],
    )
    frame.loc[3, "error"] = "cannot identify image file"
    frame = frame.astype(DTYPES).drop(columns=THUMBNAIL)
    frame.attrs = {"drawn": drawn}
    return frame


def _write_evidence(run: BrowsedRun, frame: pd.DataFrame) -> None:
    write_parquet(run.folder / "inventory.parquet", frame)
    test = frame[(frame["split"] == "test") & frame["error"].isna()].reset_index(drop=True)
    table = test[["path", "sha256", "label"]].assign(
        predicted=["dog", *test["label"][1:]], probability=np.linspace(0.99, 0.5, len(test))
    )
    write_parquet(run.folder / "evaluation/predictions.parquet", table)
    unique = test.drop_duplicates("sha256")["sha256"]
    shares = pd.DataFrame({"cat": np.float32(0.25), "dog": np.float32(0.75)}, index=unique)
    write_probabilities(run.folder / "evaluation/probabilities.parquet", shares)
    broken = {"rule": "sizes", "expectation": "expect_sizes", "path": frame["path"][:1]}
    offenders = pd.DataFrame({**broken, "value": "16x16"})
    write_parquet(run.folder / "validation/offenders.parquet", offenders)
