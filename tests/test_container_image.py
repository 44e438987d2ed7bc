"""The Dockerfile: what it is built of, and what it asks the desk."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from deployments.desk.app import create_app
from tasks.storage.home import Home
from tests.container_files import DOCKERFILE, containers, instructions
from tests.image_trees import ROOT


def test_the_desks_health_check_exists() -> None:
    """Its path is open to all, and in every file the same."""
    routes = {getattr(route, "path", "") for route in create_app(Home("any", Path("any"))).routes}
    (image,) = (rest for word, rest in instructions() if word == "HEALTHCHECK")
    assert "http://127.0.0.1:8200/healthz" in image
    asked = {each for desk in containers() if desk.name == "desk" for each in desk.asked}
    assert asked == {("/healthz", 8200)}
    assert "/healthz" in routes


def test_the_image_is_built_of_what_is_needed() -> None:
    """Every package of the wheel by pinned versions; of the context nothing else is sent."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == {*packages, "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert "*" in rules
    installed = [rest for word, rest in instructions() if word == "RUN" and " install " in rest]
    assert any("--constraint constraints.txt" in each for each in installed)
    assert not re.search("index-url|find-links|://(?!127.0.0.1)", DOCKERFILE.read_text("utf-8"))
    assert [rest for word, rest in instructions() if word == "FROM"] == [
        "docker.io/library/python:${PYTHON} AS build",
        "docker.io/library/python:${PYTHON}",
    ]
