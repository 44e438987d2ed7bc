"""The desk's history of runs: what it finds, how it is sorted, and how it is paged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from deployments.desk.app import create_app
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.run_records import write_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> TestClient:
    """Return a client of a desk with four runs of two models, a day apart."""
    digits, clothes = Home("digits", tmp_path), Home("clothes", tmp_path)
    accuracy = {"accuracy": 0.7}
    write_run(digits, Outcome.PROMOTED, number=1, hours_ago=96, metrics=accuracy, images=10)
    write_run(digits, Outcome.DATA_REJECTED, number=2, hours_ago=72, images=30)
    write_run(clothes, Outcome.KEPT_CHAMPION, number=3, hours_ago=48, images=20)
    write_run(clothes, Outcome.FAILED, number=4, hours_ago=24, message="The DISK is full")
    return TestClient(create_app(digits), base_url="http://localhost")


def found(desk: TestClient, **query: object) -> list[str]:
    """Return the last digits of the runs on a page, in its order."""
    page = desk.get("/runs", params={key: str(value) for key, value in query.items()}).text
    return re.findall(r'<td><a href="/runs/\S+-000(\d)">', page)


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ({}, "4321"),
        ({"model": "digits"}, "21"),
        ({"outcome": "failed"}, "4"),
        ({"rule": "sizes"}, "2"),
        ({"text": "disk"}, "4"),
        ({"text": "3024X3024"}, "2"),
        ({"model": "digits", "outcome": "failed"}, ""),
        ({"until": "2001-01-01"}, ""),
        ({"since": "2001-01-01"}, "4321"),
        ({"sort": "accuracy"}, "3142"),
        ({"sort": "accuracy", "order": "asc"}, "1342"),
        ({"sort": "images", "order": "asc", "model": "digits"}, "12"),
        ({"sort": "run", "order": "asc"}, "1234"),
        ({"sort": "nonsense"}, "4321"),
    ],
)
def test_runs_are_found_and_sorted(desk: TestClient, query: dict[str, str], runs: str) -> None:
    """By model, outcome, failed rule, day and text; those without a value come last."""
    shown = found(desk, **query)
    # Both without an accuracy are last, in whatever order.
    if query.get("sort") == "accuracy":
        shown[2:] = sorted(shown[2:], reverse="42" in runs)
    assert "".join(shown) == runs


def test_days_are_those_of_the_runs_end(desk: TestClient) -> None:
    """The first and the last day both belong to what is found."""
    page = desk.get("/runs").text
    day = re.findall(r"/runs/(\d{8})-\d{6}-0002", page)[0]
    day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    assert set(found(desk, since=day, until=day)) <= {"2", "3"}
    assert "2" in found(desk, since=day, until=day)


def test_a_date_that_is_none_is_said(desk: TestClient) -> None:
    """In one sentence, above an empty table."""
    page = desk.get("/runs", params={"since": "yesterday"}).text
    assert "Not a date: yesterday. Write it as 2026-03-31." in page
    assert "0 runs" in page


def test_a_column_is_sorted_and_turned_by_its_link(desk: TestClient) -> None:
    """With the filters kept, and said to screen readers."""
    page = desk.get("/runs", params={"model": "digits", "sort": "images"}).text
    assert 'aria-sort="descending"' in page
    assert "/runs?model=digits&amp;sort=images&amp;order=asc" in page
    assert "/runs?model=digits&amp;sort=accuracy&amp;order=desc" in page
