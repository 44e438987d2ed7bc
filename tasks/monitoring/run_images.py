"""The folder of a run goes in; its images come out column by column, each read when it is needed.

A row number names an image of a run for ever, as the inventory of a run is never written again.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.evaluation.answers import (
    CLASS,
    PREDICTED,
    PROBABILITIES_FILE,
    PROBABILITY,
)
from tasks.inventory.columns import GROUP, LABEL, PATH, SHA256, SPLIT
from tasks.runs.run_folder import EVALUATION, INVENTORY, VALIDATION
from tasks.validation.evidence import (
    EXPECTATION,
    OFFENDERS_FILE,
    QUARANTINE_FILE,
    RULE,
    RULES,
    VALUE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Of few different values; kept as numbers.
NAMED = (LABEL, SPLIT)
ATTRIBUTES = b"PANDAS_ATTRS"


class RunImages:
    """The images of one run.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / INVENTORY
        self._columns: dict[str, Any] = {}
        # Reentrant: some columns are made of others.
        self._reading = threading.RLock()

    @cached_property
    def _facts(self) -> pq.FileMetaData:
        return pq.read_metadata(self._file)

    @property
    def count(self) -> int:
        """Number of images."""
        return int(self._facts.num_rows)

    @property
    def attributes(self) -> bytes:
        """What the inventory says about the whole folder, as JSON."""
        return bytes((self._facts.metadata or {}).get(ATTRIBUTES, b"{}"))

    def column(self, name: str) -> Any:
        """Return a column of the inventory: (images,) as an Arrow array; label and split named."""

        def read() -> Any:
            named = [name] if name in NAMED else None
            table = pq.read_table(self._file, columns=[name], read_dictionary=named)
            column = table[name].unify_dictionaries() if named else table[name]
            return _combined(column)

        return self._kept(name, read)

    def numbers(self, name: str) -> np.ndarray:
        """Return a column of integers: (images,) int64, -1 where there is none."""
        filled = self._kept(f"{name} numbers", lambda: pc.fill_null(self.column(name), -1))
        return np.asarray(filled.to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)

    def text(self, name: str, row: int) -> str | None:
        """Return one value of a column."""
        value = self.column(name)[row].as_py()
        return None if value is None else str(value)

    def names(self, name: str) -> list[str]:
        """Return the different values of label or split, sorted."""
        return sorted(filter(None, self.column(name).dictionary.to_pylist()))

    def rows_named(self, name: str, value: str) -> np.ndarray:
        """Return (images,) bool: where label or split has a value."""
        column = self.column(name)
        code = pc.index(column.dictionary, value).as_py()
        indices = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)
        return np.asarray(indices == code) if code >= 0 else np.zeros(self.count, bool)

    def row_of(self, sha256: str) -> int | None:
        """Return the first image of a content."""
        found = pc.index(self.column(SHA256), sha256).as_py()
        return int(found) if found >= 0 else None

    def others_like(self, row: int) -> list[int]:
        """Return the other rows of the same content, or of the same group of near-duplicates."""
        is_like = np.zeros(self.count, bool)
        for name in (SHA256, GROUP):
            value = self.text(name, row)
            if value is not None:
                same = pc.fill_null(pc.equal(self.column(name), value), False)  # noqa: FBT003 - Arrow's signature
                is_like |= same.to_numpy(zero_copy_only=False)
        is_like[row] = False
        return [int(each) for each in np.flatnonzero(is_like)]

    def all_of(self, row: int) -> dict[str, Any]:
        """Return every column of one image; only its group of rows is read."""
        file, first = pq.ParquetFile(self._file), 0
        for group in range(file.num_row_groups):
            held = file.metadata.row_group(group).num_rows
            if row < first + held:
                # One thread: that of another page may have the others.
                table = file.read_row_group(group, use_threads=False).slice(row - first, 1)
                return dict(table.to_pylist()[0])
            first += held
        raise IndexError(row)

    @property
    def broken(self) -> dict[str, np.ndarray]:
        """The rows that broke each rule, by the rule's name."""

        def read() -> dict[str, np.ndarray]:
            table = self._evidence(f"{VALIDATION}/{OFFENDERS_FILE}", [RULE, PATH])
            if table is None:
                return {}
            rows, rules = self._rows_of(table[PATH]), _combined(table[RULE]).dictionary_encode()
            codes = rules.indices.to_numpy(zero_copy_only=False)
            return {
                str(rule): np.unique(rows[(codes == code) & (rows >= 0)])
                for code, rule in enumerate(rules.dictionary.to_pylist())
            }

        return dict(self._kept("broken", read))

    def rules_of(self, row: int) -> list[dict[str, Any]]:
        """Return rule, expectation and value of each that an image broke."""
        # Most broke none, which is known without reading the file again.
        if not any(row in rows for rows in self.broken.values()):
            return []
        table = self._evidence(
            f"{VALIDATION}/{OFFENDERS_FILE}",
            [RULE, EXPECTATION, VALUE, PATH],
            [(PATH, "=", self.text(PATH, row))],
        )
        return [] if table is None else list(table.drop_columns([PATH]).to_pylist())

    def left_out_for(self, row: int) -> str:
        """Return the rules for which a file was left out of the run; empty if it was not."""
        file = f"{VALIDATION}/{QUARANTINE_FILE}"
        table = self._evidence(file, [PATH, RULES], [(PATH, "=", self.text(PATH, row))])
        return "" if table is None or not len(table) else str(table[RULES][0].as_py())

    @property
    def answers(self) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
        """What the run's model said.

        (images,) int32 number of the predicted class, -1 where it was not asked; (images,) float64
        its probability; the classes; (images,) bool whether it is the label.
        """

        def read() -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
            codes, scores = np.full(self.count, -1, np.int32), np.full(self.count, np.nan)
            is_right = np.zeros(self.count, bool)
            file = EVALUATION.replace(".json", ".parquet")
            table = self._evidence(file, [PATH, LABEL, PREDICTED, PROBABILITY])
            if table is None:
                return codes, scores, [], is_right
            rows = self._rows_of(table[PATH])
            known, rows = rows >= 0, rows[rows >= 0]
            named = _combined(table[PREDICTED]).dictionary_encode()
            codes[rows] = named.indices.to_numpy(zero_copy_only=False)[known]
            scores[rows] = table[PROBABILITY].to_numpy()[known]
            same = pc.equal(table[PREDICTED].cast(pa.string()), table[LABEL].cast(pa.string()))
            is_right[rows] = pc.fill_null(same, False).to_numpy()[known]  # noqa: FBT003 - Arrow's signature
            return codes, scores, [str(each) for each in named.dictionary.to_pylist()], is_right

        codes, scores, classes, is_right = self._kept("answers", read)
        return codes, scores, classes, is_right

    def probabilities_of(self, row: int) -> dict[str, float]:
        """Return the probability of every class for an image, the highest first."""
        file = self.folder / Path(EVALUATION).with_name(PROBABILITIES_FILE)
        sha256 = self.text(SHA256, row)
        if sha256 is None or not file.is_file():
            return {}
        table = pq.read_table(file, filters=[(SHA256, "=", sha256)]).slice(0, 1)
        values = table.drop_columns([SHA256]).to_pylist()
        named = {
            name.removeprefix(CLASS): float(each) for name, each in (values or [{}])[0].items()
        }
        return dict(sorted(named.items(), key=lambda each: -each[1]))

    def _rows_of(self, paths: Any) -> np.ndarray:
        """Return the row of each path, -1 for one that is not in the inventory."""
        own = self.column(PATH)
        found = pc.index_in(_combined(paths).cast(own.type), value_set=own)
        return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False))

    def _evidence(
        self, name: str, columns: Sequence[str], filters: list[tuple[str, str, Any]] | None = None
    ) -> pa.Table | None:
        """Return a table of the run's evidence; None if the run has not written it."""
        file = self.folder / name
        if not file.is_file():
            return None
        return pq.read_table(file, columns=[*columns], filters=filters)

    def _kept(self, key: str, read: Callable[[], Any]) -> Any:
        with self._reading:
            if key not in self._columns:
                self._columns[key] = read()
            return self._columns[key]


def _combined(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece, also one without any."""
    combined = column.combine_chunks()
    return combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined
