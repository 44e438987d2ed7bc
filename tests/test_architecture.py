"""The shape of the house: which way imports run, and how large a file may grow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "expectations")


def test_imports_run_one_way() -> None:
    """The contracts in pyproject.toml hold."""
    ended = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_files_stay_small() -> None:
    """A file past 400 lines has a seam somebody overlooked."""
    sizes = {
        str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines())
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_the_wheel_would_hold_every_package() -> None:
    """Packages are named, as discovery drops one called tasks."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)


def test_no_file_in_flows_hides_a_package() -> None:
    """Prefect puts flows/ first on the path, so its files must not bear a dependency's name."""
    import importlib.util

    names = {file.stem for file in (ROOT / "flows").glob("*.py")} - {"__init__"}
    taken = {
        name
        for name in names
        if (spec := importlib.util.find_spec(name)) is not None
        and Path(spec.origin or "").parent != ROOT / "flows"
    }
    assert taken == set()
