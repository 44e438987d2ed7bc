"""Faults of the user's own code say that they are the user's, with file and line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tasks.config.training import TrainingConfig
from tasks.errors import SettingsError, TrainingFailedError
from tasks.runtime.user_code import import_by_path
from tasks.training.callbacks import user_callbacks
from tasks.training.worker import train_in_subprocess
from tasks.validation.user_suites import load_user_suites
from tests.trainings import quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command_line import CommandProcess
    from tests.image_trees import Tree
    from tests.trainings import Trainer

    Writer = Callable[[str], Path]

MODELS = """\
import keras

def number(input_shape):
    return 42

def nothing(input_shape):
    pass

def fails(input_shape):
    side = input_shape[0] // 0
    return keras.Sequential()

def takes_nothing():
    return keras.Sequential()

def exits(input_shape):
    raise SystemExit("enough")

def map_of_features(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Conv2D(2, 3)])

class Odd(keras.layers.Layer):
    def call(self, images):
        return images @ images[0, "x"]

def layer_that_fails(input_shape):
    return keras.Sequential([keras.Input(input_shape), Odd()])
"""
CALLBACKS = """\
import keras

class Unmade(keras.callbacks.Callback):
    def __init__(self):
        raise RuntimeError("no licence")

class Late(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.write()

    def write(self):
        open("/no/such/folder/file", "w")

class NoCallback:
    pass
"""
SUITES = """\
import great_expectations.expectations as gxe

def nothing():
    pass

def number():
    return 42

def words():
    return ["a", "b"]

def fails():
    raise KeyError("a")

def stops():
    yield gxe.ExpectColumnToExist(column="path")
    raise StopAsyncIteration("why not")
"""


@pytest.fixture
def users_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """Write the module `users_own` that a user's settings name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    # The import below is undone with it.
    monkeypatch.delitem(sys.modules, "users_own", raising=False)

    def write(content: str) -> Path:
        file = tmp_path / "users_own.py"
        file.write_text(content)
        return file

    yield write
    sys.modules.pop("users_own", None)


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ("def net(\n", "SyntaxError: .*never closed", 1),
        ("\nx = 1 / 0\n", "ZeroDivisionError", 2),
        ("import os\n\nimport no_such_library_of_theirs\n", "ModuleNotFoundError", 3),
        ("import sys\nsys.exit('not here')\n", "SystemExit: not here", 2),
        ("int('x')\n", "ValueError: invalid literal", 1),
    ],
)
def test_a_module_that_cannot_be_imported(
    users_module: Writer, content: str, reason: str, line: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line of the module, not of the import machinery; the traceback goes to stderr."""
    file = users_module(content)
    message = rf"^training\.model = users_own:net: your code failed with {reason}"
    with pytest.raises(SettingsError, match=rf"{message}.*\({re.escape(str(file))}, line {line}\)"):
        import_by_path("users_own:net", "training.model")
    assert "Traceback" in capfd.readouterr().err


def test_a_name_that_is_missing_is_no_fault_of_their_code(users_module: Writer) -> None:
    """What has to be corrected is the setting."""
    users_module("x = 1\n")
    for path in ("users_own:net", "users_own.models:net", "users_own", ":net"):
        with pytest.raises(SettingsError, match=r"can't be imported .*Expected package\.module"):
            import_by_path(path, "training.model")


@pytest.mark.parametrize(
    ("name", "message", "line"),
    [
        ("number", "your code returned 42, but should return a Keras model", 3),
        ("nothing", "your code returned None, but should return a Keras model", 6),
        ("fails", "your code failed with ZeroDivisionError", 10),
        ("takes_nothing", "your code failed with TypeError: .*input_shape", 13),
        ("exits", "your code failed with SystemExit: enough", 17),
        ("map_of_features", r"your code returned \(None, 6, 6, 2\), .*\(batch, features\)", 19),
        ("layer_that_fails", "your code failed with ", 24),
    ],
)
def test_a_model_that_is_none(users_module: Writer, name: str, message: str, line: int) -> None:
    """A function that fails or returns something else is named with the line."""
    from tasks.models.architectures import build_model
    from tests.test_models import CONTRACT

    file = users_module(MODELS)
    shape = CONTRACT.shape[0] - 2
    message = message.replace("6, 6", f"{shape}, {shape}")
    expected = (
        rf"^training\.model = users_own:{name}: {message}.*\({re.escape(str(file))}, line {line}\)"
    )
    with pytest.raises(SettingsError, match=expected):
        build_model(CONTRACT, TrainingConfig(model=f"users_own:{name}"), rescale=None)


@pytest.mark.parametrize(
    ("name", "message", "line"),
    [
        ("Unmade", "your code failed with RuntimeError: no licence", 5),
        ("NoCallback", "your code returned .*, but should return a keras.callbacks.Callback", 14),
    ],
)
def test_a_callback_that_is_none(users_module: Writer, name: str, message: str, line: int) -> None:
    """Before the first epoch."""
    file = users_module(CALLBACKS)
    place = rf"\({re.escape(str(file))}, line {line}\)"
    expected = rf"^training\.callbacks = users_own:{name}: {message}.*{place}"
    with pytest.raises(SettingsError, match=expected):
        user_callbacks([f"users_own:{name}"])


def test_a_callback_that_fails_during_training(users_module: Writer, trainer: Trainer) -> None:
    """Its own fault with a file is no full disk of ours, and the training can be resumed."""
    file = users_module(CALLBACKS)
    request = trainer.request("late", training={"epochs": 3, "callbacks": ["users_own:Late"]})
    message = (
        r"^Your own code failed during training with FileNotFoundError: .*"
        rf"\({re.escape(str(file))}, line 12\)\. .*"
    )
    with pytest.raises(TrainingFailedError, match=message):
        train_in_subprocess(request, on_epoch=quietly)


@pytest.mark.parametrize(
    ("name", "message", "line"),
    [
        ("nothing", "your code returned None, but should return an ExpectationSuite", 3),
        ("number", "your code returned 42", 6),
        ("words", r"your code returned \['a', 'b'\]", 9),
        ("stops", "your code failed with StopAsyncIteration: why not", 17),
    ],
)
def test_a_suite_that_is_none(users_module: Writer, name: str, message: str, line: int) -> None:
    """Whatever the function raises or returns."""
    file = users_module(SUITES)
    expected = (
        rf"^gate\.suites = users_own:{name}: {message}.*\({re.escape(str(file))}, line {line}\)"
    )
    with pytest.raises(SettingsError, match=expected):
        load_user_suites([f"users_own:{name}"], reserved=[])


def test_the_screen_shows_one_line_and_the_log_the_traceback(
    users_module: Writer, pixelgate_process: CommandProcess, image_tree: Tree, tmp_path: Path
) -> None:
    """As the shell sees it."""
    file = users_module("def own():\n    return {}['none']\n")
    root = image_tree()
    ended = pixelgate_process("gate", root, "--set", "gate.suites=['users_own:own']")
    assert ended.code == 2
    (line,) = [each for each in ended.err.splitlines() if each.startswith("Error")]
    assert line.endswith(f"your code failed with KeyError: 'none' ({file}, line 2).")
    assert "Traceback" not in ended.err
    logs = list((tmp_path / "home").rglob("*.log"))
    assert any("KeyError: 'none'" in log.read_text() for log in logs)
