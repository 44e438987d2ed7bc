"""Settings: their sources, their order, and errors that name the setting and where it came from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tasks.config.gate import GateConfig
from tasks.config.load import describe, load_config
from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

CONFIGS = Path(__file__).parents[1] / "deployments/configs"


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, then the file, then the environment, then --set, then flags."""
    file = tmp_path / "c.toml"
    file.write_text("seed = 1\n[training]\nepochs = 1\noptimizer = 'sgd'\nmodel = 'basic_cnn'\n")
    monkeypatch.setenv("PIXELGATE_TRAINING__EPOCHS", "2")
    monkeypatch.setenv("PIXELGATE_TRAINING__OPTIMIZER", "adamw")
    config, origins = load_config(file, ["training.epochs=3"], {"seed": 4})
    assert (config.training.epochs, config.training.optimizer, config.seed) == (3, "adamw", 4)
    assert config.training.model == "basic_cnn"
    rows = {row["setting"]: row for row in describe(config, origins)}
    assert rows["training.epochs"]["source"] == "--set"
    assert rows["training.optimizer"]["source"] == "environment"
    assert rows["training.model"]["source"] == f"file {file}"
    assert rows["seed"]["source"] == "flag"
    assert rows["training.dropout"]["source"] == "default"


def test_a_setting_that_is_a_table_has_the_source_of_its_keys() -> None:
    """Shares of classes are set key by key."""
    config, origins = load_config(None, ["gate.class_shares.declared={cat=0.5, dog=0.5}"])
    rows = {row["setting"]: row for row in describe(config, origins)}
    assert rows["gate.class_shares.declared"]["source"] == "--set"
    assert rows["gate.class_shares.max_psi"]["source"] == "default"


def test_settings_can_come_through_a_pipe() -> None:
    """A shell's <(...) is no regular file, and is read all the same."""
    reader, writer = os.pipe()
    os.write(writer, b"seed = 3\n")
    os.close(writer)
    config, _ = load_config(Path(f"/dev/fd/{reader}"))
    os.close(reader)
    assert config.seed == 3


def fields_of(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    """Yield dotted name, field and default of every setting."""
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from fields_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field, value


def test_every_setting_shows_its_default_and_its_own_meaning() -> None:
    """Each row holds what its field says; none is explained by the docstring of a type."""
    rows = {row["setting"]: row for row in describe(RetrainConfig(), {})}
    fields = {name: (field, value) for name, field, value in fields_of(RetrainConfig())}
    assert len(rows) > 50
    assert list(rows) == list(fields)
    for name, (field, value) in fields.items():
        assert field.description, name
        assert len(field.description) > 10, name
        assert field.description.endswith("."), name
        assert rows[name]["value"] == str(value), name
        assert rows[name]["meaning"].endswith(field.description), name
        assert rows[name]["source"] == "default", name


def test_the_severity_of_a_rule_says_what_the_rule_demands() -> None:
    """Rules share their kinds, so that the sentence belongs to the rule, not to its kind."""
    rows = {row["setting"]: row["meaning"] for row in describe(RetrainConfig(), {})}
    sentences = {name: GateConfig.model_fields[name].description for name in GateConfig.rules()}
    assert len(set(sentences.values())) == len(sentences)
    for name, sentence in sentences.items():
        assert sentence, name
        assert rows[f"gate.{name}.severity"] == (
            f"{sentence} A critical failure stops the run; warning and info are only reported."
        )


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.epochs=0", r"training\.epochs: .*greater than or equal to 1.*--set"),
        ("training.epoch=3", r"training\.epoch: no such setting"),
        ("gate.sizes.allowed=odd", r"gate\.sizes\.allowed"),
        ("generators.zoom_range=[2,1]", "zoom_range must be"),
        ("seed", "part.name=value"),
        ("name=no/slashes", "name"),
        ("training.epohcs=3", r"no such setting.* Did you mean training\.epochs\?"),
        ("seed=-1", r"^seed: .*greater than or equal to 0.*Received: -1 \(from --set\)"),
        ("seed=4294967296", "^seed: .*less than"),
        ("home=", "^home: the path is empty"),
        ("data.directory= ", r"^data\.directory: the path is empty"),
        ("data.label_pattern='(('", r"^data\.label_pattern: not a regular expression"),
        ("data.label_pattern='x'", r"^data\.label_pattern: no group is named label"),
        ("registry.tracking_uri=nonsense", r"^registry\.tracking_uri: an MLflow tracking URI"),
    ],
)
def test_a_wrong_setting_is_named(assignment: str, message: str) -> None:
    """The error says which, what was received, and from where."""
    with pytest.raises(SettingsError, match=message):
        load_config(None, [assignment])


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "TRAINING",
            "abc",
            "PIXELGATE_TRAINING .*must be a JSON object.*PIXELGATE_TRAINING__MODEL",
        ),
        ("TRAINING", '{"epochs":', "PIXELGATE_TRAINING .*must be a JSON object"),
        ("TRAINING", "", "PIXELGATE_TRAINING .*must be a JSON object"),
        ("GATE__SIZES", "[1]", "PIXELGATE_GATE__SIZES .*must be a JSON object"),
        ("TRAINING__CALLBACKS", "a", "PIXELGATE_TRAINING__CALLBACKS .*must be JSON. Received: 'a'"),
        ("TRAININ__EPOCHS", "3", r"PIXELGATE_TRAININ__EPOCHS .*PIXELGATE_TRAINING__EPOCHS\?"),
        ("TRAINING__EPOCH", "3", r"Did you mean PIXELGATE_TRAINING__EPOCHS\?"),
        ("HOME", "", r"^home: the path is empty.*\(from environment\)"),
        ("SEED", "-1", r"^seed: .*\(from environment\)"),
    ],
)
def test_a_wrong_variable_is_named(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelled variable is not ignored, and one that can't be read is no traceback."""
    monkeypatch.setenv(f"PIXELGATE_{variable}", value)
    with pytest.raises(SettingsError, match=message):
        load_config()


def test_variables_of_the_containers_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """compose.yaml reads them; PIXELGATE_DATA is a group only if it holds JSON."""
    for name in ("CRON", "TIMEZONE", "MODEL", "REAL_DATA", "DATA"):
        monkeypatch.setenv(f"PIXELGATE_{name}", "/photos")
    assert load_config()[1] == {}
    monkeypatch.setenv("PIXELGATE_DATA", '{"max_pixels": 9}')
    monkeypatch.setenv("PIXELGATE_TRAINING__CLASS_WEIGHT", '{"cat": 2}')
    config, _ = load_config()
    assert config.data.max_pixels == 9
    assert config.training.class_weight == {"cat": 2}


@pytest.mark.parametrize(("text", "message"), [(None, "No settings file"), ("a = [", "TOML")])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    """Missing and broken files are told apart."""
    file = tmp_path / "c.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_config(file)


def test_values_are_toml_or_plain_text() -> None:
    """Numbers, lists and booleans are typed; anything else is a string."""
    config, _ = load_config(
        None,
        ["generators.horizontal_flip=true", "gate.modes.allowed=['L','RGB']", "name=cats"],
    )
    assert config.generators.horizontal_flip is True
    assert config.gate.modes.allowed == ["L", "RGB"]
    assert config.name == "cats"


def test_relative_folders_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is started elsewhere reads the same folders."""
    monkeypatch.chdir(tmp_path)
    config, _ = load_config(None, ["data.directory=photos"])
    assert config.data.directory == tmp_path / "photos"
    assert config.home == tmp_path / ".pixelgate"


def test_a_config_survives_json() -> None:
    """Prefect hands it over as JSON."""
    config, _ = load_config(None, ["generators.target_size=[8,9]", "gate.sizes.allowed=[[8,9],7]"])
    assert RetrainConfig.model_validate(config.model_dump(mode="json")) == config
    assert config.gate.sizes.allowed == [(8, 9), (7, 7)]


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.name)
def test_shipped_configs_load(file: Path) -> None:
    """Every example is a valid configuration."""
    load_config(file)


def test_the_tutorials_settings_are_kept() -> None:
    """tutorial.toml says what the tutorial did."""
    config, _ = load_config(CONFIGS / "tutorial.toml")
    assert config.generators.rescale == pytest.approx(1 / 255)
    assert tomllib.loads((CONFIGS / "tutorial.toml").read_text())["training"] == {
        "model": "basic_cnn",
        "dropout": 0.5,
        "epochs": 10,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "learning_rate_schedule": "constant",
        "label_smoothing": 0.0,
    }
    generators = config.generators
    assert (generators.width_shift_range, generators.zoom_range) == (0.3, 0.2)
    assert (generators.rotation_range, generators.height_shift_range) == (0, 0)
    assert generators.horizontal_flip
    assert generators.batch_size == 32
