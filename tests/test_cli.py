"""The command line as a user calls it: messages, exit codes, stdout for results only."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.command_line import NOISE
from tests.image_trees import ROOT, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.command_line import Command, CommandProcess, Ended
    from tests.image_trees import Tree


COMMANDS = (
    "run",
    "demo",
    "inventory",
    "gate",
    "drill",
    "predict",
    "score",
    "card",
    "runs",
    "status",
    "desk",
    "alarms",
    "alarms test",
    "alarms automations",
    "config",
    "serve",
    "tune",
    "baseline accept",
    "baseline show",
    "baseline reset",
    "housekeeping",
    "disk",
    "quarantine list",
    "quarantine clear",
)


def test_help_imports_no_heavy_library() -> None:
    """Help of every command, in one fresh interpreter, loads nothing that takes seconds."""
    script = (
        "import sys; from flows.cli.main import main\n"
        "for command in ['', *sys.argv[1:]]:\n"
        "    sys.argv = ['pixelgate', *command.split(), '--help']\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'prefect', 'great_expectations', 'mlflow', 'pandas'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *COMMANDS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines() == ["HEAVY []"]
    assert ended.stdout.count("Usage: pixelgate") == 1 + len(COMMANDS)


def test_a_gate_imports_neither_scipy_stats_nor_altair() -> None:
    """They are imported when something of them is used, also by many threads at once."""
    script = (
        "import sys; from tasks.runtime.environment import prepare\n"
        "from tasks.runtime.deferred_imports import defer_seldom_used\n"
        "prepare(); defer_seldom_used()\n"
        "import expectations.gx_checkpoint, expectations.suites, expectations.distributions\n"
        "import altair, scipy.stats\n"
        "print([n in sys.modules for n in ('altair.vegalite', 'scipy.stats._stats_py')])\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def p(_): return round(float(scipy.stats.chi2.sf(3.84, 1)), 3)\n"
        "print(*set(ThreadPoolExecutor(8).map(p, range(8))))\n"
        "print(altair.Chart.__name__, sys.modules['altair'] is not altair)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines() == ["[False, False]", "0.05", "Chart True"], ended.stderr


def test_a_report_of_a_gate_does_not_import_scipy_stats() -> None:
    """Only a comparison of two models needs it."""
    script = "import sys, tasks.reporting.page; print('scipy.stats' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == ["False"], ended.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples_and_exit_codes(pixelgate: Command, command: str) -> None:
    """Every command shows an example of itself."""
    ended = pixelgate(*command.split(), "--help")
    assert ended.code == 0
    assert "Exit codes" in ended.out
    if command:
        assert f"pixelgate {command}" in ended.out.split("Examples:")[1]


def check_mistake(ended: Ended, message: str) -> None:
    """No traceback, nothing on stdout, and the thing to fix is named."""
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--data", "nowhere"), "No such data folder"),
        (("run",), "--data"),
        (("run", "--data", ".", "--set", "training.epochs=none"), "training.epochs"),
        (("run", "--data", ".", "--config", "none.toml"), "No settings file"),
        (("gate", "nowhere"), "No such data folder"),
        (("inventory", "."), "No images under"),
        (("predict", "nowhere.png"), "No such image"),
        (("serve", "--data", ".", "--every", "soon"), "--every"),
        (("serve", "--data", ".", "--cron", "at night"), "--cron"),
        (("serve", "--data", "."), "--cron"),
        (("serve", "--data", ".", "--cron", "0 2 * * *", "--timezone", "berlin"), "Europe/Berlin"),
        (("serve", "--data", ".", "--every", "6h", "--timezone", "UTC"), "goes with --cron"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_a_users_mistake_is_one_message_and_exit_2(
    pixelgate: Command, arguments: tuple[str, ...], message: str
) -> None:
    """Whatever command and setting it is about."""
    check_mistake(pixelgate(*arguments), message)


def test_the_release_is_printed(pixelgate: Command) -> None:
    """As the project's file says it, on stdout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ended = pixelgate("--version")
    assert (ended.code, ended.out) == (0, f"pixelgate {project['version']}\n")


def test_a_users_mistake_in_a_process(pixelgate_process: CommandProcess) -> None:
    """The same, as the shell sees it."""
    check_mistake(pixelgate_process("gate", "nowhere"), "No such data folder")


def test_config_tells_value_source_and_meaning(pixelgate: Command) -> None:
    """The table and the JSON hold every setting."""
    ended = pixelgate("config", "--set", "seed=7", env={"PIXELGATE_TRAINING__EPOCHS": "3"})
    assert ended.code == 0
    lines = {line.split()[0]: line for line in ended.out.splitlines() if line.strip()}
    assert lines["seed"].split()[1:3] == ["7", "--set"]
    assert lines["training.epochs"].split()[1:3] == ["3", "environment"]
    rows = pixelgate("config", "--json").json
    assert {"setting", "value", "source", "meaning", "default", "accepts"} == set(rows[0])


def test_config_explains_the_settings_that_are_named(pixelgate: Command) -> None:
    """By a group, a setting or a word: what it means and accepts, and three ways to set it."""
    explained = pixelgate("config", "gate.sizes", "data.layout", "--set", "gate.sizes.far=3").out
    assert "gate.sizes.far = 3.0   (--set)" in explained
    assert "accepts: a number above 0\n  default: 2.5" in explained
    assert "accepts: auto or class or split or class_split or flat or manifest" in explained
    assert "PIXELGATE_GATE__SIZES__SEVERITY=..." in explained
    assert "gate.modes" not in explained
    assert "gate.near_leakage.max_share" in pixelgate("config", "near_leakage").out
    changed = pixelgate("config", "--changed", "--json", "--set", "seed=7").json
    assert [row["setting"] for row in changed] == ["home", "seed"]


def test_inventory_tells_what_is_there(pixelgate: Command, image_tree: Tree) -> None:
    """Counts by class and split, sizes, and the files that can't be read."""
    root = image_tree()
    (root / "cat/bad.png").write_bytes(b"")
    ended = pixelgate("inventory", root, "--json", "--output", "i.parquet")
    assert ended.code == 0
    found = ended.json
    assert found["images"] == 81
    assert found["unreadable"] == [{"path": "cat/bad.png", "error": "the file is empty (0 bytes)"}]
    assert sum(found["counts"]["dog"].values()) == 40
    assert found["sizes"] == [{"height": 16, "width": 16, "mode": "L", "images": 80}]
    assert (root.parent / "i.parquet").exists()


def test_gate_says_yes_or_no(
    pixelgate: Command, pixelgate_process: CommandProcess, image_tree: Tree
) -> None:
    """Exit 0 or 3, the file and the remedy on one screen, JSON alone on stdout."""
    root = image_tree()
    before = state_of(root)
    ended = pixelgate("gate", root, "--json")
    assert ended.code == 0
    assert ended.json["outcome"] == "accepted"
    (root / "cat/009.png").write_bytes(b"\x89PNG")
    for command in (pixelgate, pixelgate_process):
        ended = command("gate", root, "--json")
        assert ended.code == 3
        assert "cat/009.png" in ended.err
        assert "Fix or remove these files" in ended.err
        failed = [finding for finding in ended.json["gate"] if not finding["success"]]
        assert [finding["rule"] for finding in failed] == ["decodes"]
        assert not any(noise in ended.err for noise in NOISE)
    del before["cat/009.png"]
    assert before.items() <= state_of(root).items()


def test_an_operator_speaks_on_the_command_line(pixelgate: Command, image_tree: Tree) -> None:
    """Suggest, overrule, accept as baseline, quarantine, explain: each a command of its own."""
    root = image_tree({"cat": 60, "dog": 60})
    (root / "cat/bad.png").write_bytes(b"x")
    suggested = pixelgate("gate", root, "--suggest")
    assert tomllib.loads(suggested.out)["gate"]["decodes"] == {"quarantine": True}
    overruled = pixelgate("gate", root, "--accept-with-reason", "a known fault", "--json")
    assert (overruled.code, overruled.json["override"]["why"]) == (0, "a known fault")
    [noted] = pixelgate("ledger", "--json").json
    assert (noted["action"], noted["why"]) == ("accept_data", "a known fault")
    assert noted["who"] == overruled.json["override"]["who"]
    leave_out = ("--set", "gate.decodes.quarantine=true")
    accepted = pixelgate("baseline", "accept", root, "--reason", "to begin with", *leave_out)
    assert accepted.code == 0, accepted.err
    shown = pixelgate("baseline", "show", "--json").json
    assert [(row["accepted_by"], row["files"]) for row in shown] == [("operator", 121)]
    assert pixelgate("quarantine", "list", "--json").json[0]["path"] == "cat/bad.png"
    refused = pixelgate("quarantine", "clear", "cat/bad.png")
    assert (refused.code, "can't be read" in refused.err) == (2, True)
    told = pixelgate("inventory", root, "--explain", "cat/bad.png")
    assert (told.code, "not an image in any known format" in told.out) == (0, True)
    assert pixelgate("baseline", "reset").code == 0
    assert pixelgate("baseline", "show", "--json").json == []


def test_the_drill_fails_where_the_gate_has_a_hole(
    pixelgate: Command, image_tree: Tree, plant_only: Callable[..., None]
) -> None:
    """A table of what tripped, and an exit code a schedule can act on."""
    plant_only("decodes", "near_leakage")
    root = image_tree({"cat": 60, "dog": 60})
    hole = pixelgate("drill", root, "--set", "gate.near_leakage.max_share=0.9")
    assert hole.code == 1
    assert "near_leakage missed a near-duplicate in test" in hole.err
    lines = [line for line in hole.out.splitlines() if "missed" in line]
    assert len(lines) == 1
    assert "tripped" in hole.out
    assert "Traceback" not in hole.err
