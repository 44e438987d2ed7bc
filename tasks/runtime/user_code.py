"""Imports the user's own models, callbacks and suites, and says where in them a fault is."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import re
import reprlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Longer messages, such as TensorFlow's, continue with pages of graph nodes.
MESSAGE_LENGTH = 300
# Keras prints parts of its messages in bold.
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


def import_by_path(path: str, setting: str) -> Any:
    """Import an object, also from the working directory.

    Args:
        path: package.module:name.
        setting: the setting that holds the path, for the message.

    Raises:
        SettingsError: there is no such module or name, or the module fails when it is imported.
    """
    module_name, _, name = path.partition(":")
    search_working_directory()
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        if fault_location(error, [path]) is not None:
            raise _user_fault(error, path, setting) from error
        raise _not_importable(path, setting, error) from None
    # Apart from the import: a name that isn't there is a wrong setting, not a fault in the module.
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise _not_importable(path, setting, error) from None


@contextlib.contextmanager
def users_code(path: str, setting: str) -> Iterator[None]:
    """Turn whatever the user's code raises into a message with its file and line.

    The traceback goes to stderr, which is the log file on the command line.

    Args:
        path: package.module:name, as the setting holds it.
        setting: for the message.

    Raises:
        SettingsError: the code raised anything but a message of ours.
    """
    try:
        yield
    except PixelgateError:
        raise
    # A module or a function may also call sys.exit.
    except (Exception, SystemExit) as error:
        raise _user_fault(error, path, setting) from error


def wrong_result(value: object, expected: str, path: str, setting: str) -> SettingsError:
    """Return the error for a function of the user's that returned something else."""
    return SettingsError(
        f"{setting} = {path}: your code returned {reprlib.repr(value)}, but should return"
        f" {expected} ({_definition(path)})."
    )


def fault_location(error: BaseException, paths: Sequence[str]) -> str | None:
    """Return file and line of the last call in the user's code; None if there is none.

    Args:
        error: with its traceback.
        paths: package.module:name of all that the user brought along.
    """
    sources = [source for path in paths for source in _sources(path)]
    if isinstance(error, SyntaxError) and error.filename and _is_in(error.filename, sources):
        return _location(error.filename, error.lineno)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if _is_in(frame.filename, sources)
    ]  # fmt: skip
    return _location(frames[-1].filename, frames[-1].lineno) if frames else None


def describe_fault(error: BaseException) -> str:
    """Return the kind and the message of an error in one line."""
    text = " ".join(TERMINAL_CODES.sub("", str(error)).split())
    if len(text) > MESSAGE_LENGTH:
        text = f"{text[:MESSAGE_LENGTH]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def log_traceback(error: BaseException) -> None:
    """Print an error's traceback to stderr, for whoever looks after the code."""
    # On a full disk the message matters more.
    with contextlib.suppress(OSError):
        traceback.print_exception(error)


def search_working_directory() -> None:
    """Let Python find modules in the working directory, after everything that is installed."""
    # A console script has its own folder on Python's path, not the working directory. Appended, so
    # that a file there can't shadow a library.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def _not_importable(path: str, setting: str, error: BaseException) -> SettingsError:
    return SettingsError(
        f"{setting} = {path} can't be imported ({error}). Expected package.module:name, with"
        " the package on Python's path or in the working directory."
    )


def _user_fault(error: BaseException, path: str, setting: str) -> SettingsError:
    log_traceback(error)
    location = fault_location(error, [path]) or _definition(path)
    return SettingsError(
        f"{setting} = {path}: your code failed with {describe_fault(error)} ({location})."
    )


def _sources(path: str) -> list[Path]:
    """Return the file of the user's module, or the folders of its outermost package."""
    try:
        spec = importlib.util.find_spec(path.partition(":")[0].partition(".")[0])
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    places = spec.submodule_search_locations or [spec.origin or ""]
    return [Path(place).resolve() for place in places if place]


def _is_in(file: str, sources: Sequence[Path]) -> bool:
    return any(Path(file).resolve().is_relative_to(source) for source in sources)


def _definition(path: str) -> str:
    """Return file and line where the user's function or class begins, as far as they are known."""
    module, _, name = path.partition(":")
    try:
        defined = inspect.unwrap(getattr(sys.modules[module], name))
        file, line = inspect.getsourcefile(defined), inspect.getsourcelines(defined)[1]
    except (KeyError, AttributeError, TypeError, OSError):
        return path
    return _location(file or path, line)


def _location(file: str, line: int | None) -> str:
    return f"{file}, line {line}"
