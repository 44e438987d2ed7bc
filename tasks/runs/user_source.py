"""The source of the user's own models, callbacks and suites, as a hash."""

from __future__ import annotations

import ast
import importlib.util
import sysconfig
from pathlib import Path

from tasks.runtime.user_code import search_working_directory
from tasks.storage.hashing import digest, file_digest

# What is installed is known by its version, not by its source. The virtual environment may be a
# symbolic link.
INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)


def source_digest(path: str) -> str | None:
    """Return a hash of the module behind package.module:name and of the user's modules it imports.

    Returns:
        64 hexadecimal digits; None where there is no such module, which is reported when it is
        imported.
    """
    search_working_directory()
    files: dict[str, str] = {}
    _collect(path.partition(":")[0], files)
    return digest(files) if files else None


def _collect(module: str, files: dict[str, str]) -> None:
    """Add the module's file, and those it imports, by module name."""
    file = _file_of(module)
    if file is None or module in files:
        return
    files[module] = file_digest(file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for imported in _imports_of(file, package):
        _collect(imported, files)


def _file_of(module: str) -> Path | None:
    """Return the module's source; None for what is installed or not there."""
    top = module.partition(".")[0]
    # Asked of the package first: to find a module inside, Python would import the package.
    if top != module and _file_of(top) is None:
        return None
    try:
        spec = importlib.util.find_spec(module)
    # To find a module, Python imports the packages around it, and their code may raise anything.
    except (Exception, SystemExit):  # noqa: BLE001 - reported when the module itself is imported
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin).resolve()
    return None if any(file.is_relative_to(folder) for folder in INSTALLED) else file


def _imports_of(file: Path, package: str) -> list[str]:
    """Return the modules a file may import; names that are no modules are left out later."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            if base:
                names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names
