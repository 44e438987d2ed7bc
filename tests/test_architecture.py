"""The shape of the house: which way imports run, what is named once, how large things may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "deployments", "tasks", "expectations")


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


def modules(*packages: str) -> Iterator[Path]:
    """Yield the Python files of some packages."""
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_a_module_name_is_used_once() -> None:
    """`gate.py` in two packages would have readers open the wrong one."""
    files: dict[str, list[str]] = defaultdict(list)
    for file in modules(*PACKAGES):
        if not file.stem.startswith("__"):
            files[file.stem].append(str(file.relative_to(ROOT)))
    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def test_files_stay_small() -> None:
    """A file past 300 lines has a seam somebody overlooked."""
    sizes = {
        str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines())
        for file in modules(*PACKAGES, "tests")
    }
    assert {name: size for name, size in sizes.items() if size > 300} == {}


def test_functions_stay_small() -> None:
    """A function past 40 lines, its docstring not counted, does more than one thing."""
    sizes = {
        f"{file.relative_to(ROOT)}:{node.name}": lines_of(node)
        for file in modules(*PACKAGES)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: size for name, size in sizes.items() if size > 40} == {}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function's body has without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


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
