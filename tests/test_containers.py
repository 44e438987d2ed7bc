"""The files for containers: their schemas, and what they say about our commands and settings.

No container is started here; test_container_servers.py runs what would be in them.
"""

from __future__ import annotations

import importlib.resources
import json
import re
import tomllib
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate
import pytest
import typer
import yaml  # type: ignore[import-untyped]

from tasks.config.env_settings import OTHER_VARIABLES, settings_from_environment
from tests.container_files import (
    DOCKERFILE,
    IMAGE,
    KUBERNETES,
    VARIABLE,
    Container,
    compose,
    composed,
    containers,
    filled_in,
    image_env,
    instructions,
    manifests,
    services,
    workloads,
)
from tests.image_trees import ROOT

# The oldest and the newest of Kubernetes that the package knows.
VERSIONS = [kubernetes_validate.utils.all_versions()[end] for end in (0, -1)]
ALL = pytest.mark.parametrize("container", containers(), ids=str)
OURS = pytest.mark.parametrize(
    "container", [each for each in containers() if each.image == IMAGE], ids=str
)
# Of Python, of the shell, and of libraries in general.
OTHERS = {"PATH", "HOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DO_NOT_TRACK"}
EXAMPLE_VALUES = {"PIXELGATE_DATA": "/images", "POSTGRES_PASSWORD": "a"} | {
    f"DATABASE_PASSWORD_{name}": "b" for name in ("PREFECT", "MLFLOW")
}


def compose_schema() -> dict[str, Any]:
    """Return the schema of the Compose Specification, as check-jsonschema carries it."""
    folder = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    schema: dict[str, Any] = json.loads((folder / "compose-spec.json").read_text("utf-8"))
    return schema


def test_the_compose_file_follows_its_schema() -> None:
    """A misspelt key would be refused, so the schema was asked."""
    jsonschema.validate(compose(), compose_schema())
    wrong = compose()
    wrong["services"]["desk"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError, match="helthcheck"):
        jsonschema.validate(wrong, compose_schema())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_follow_kubernetes_schemas(version: str) -> None:
    """Each object by the strict schema of its kind, which refuses a misspelt key."""
    objects = [each for of_file in manifests().values() for each in of_file]
    for each in objects:
        kubernetes_validate.validate(each, version, strict=True)
    wrong = workloads()[0][1]
    wrong["spec"]["template"]["spec"]["hostNetwrk"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="hostNetwrk"):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_the_kustomization_names_all_files() -> None:
    """Manifests, the image of this version, the databases, and where the passwords are."""
    written = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    assert sorted(written["resources"]) == sorted(manifests())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert [(each["name"], each["newTag"]) for each in written["images"]] == [(IMAGE, version)]
    (databases,) = written["configMapGenerator"]
    assert (KUBERNETES / databases["files"][0]).exists()
    example = (KUBERNETES / f"{written['secretGenerator'][0]['envs'][0]}.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == {
        name for name in EXAMPLE_VALUES if "PASSWORD" in name
    }
    (namespace,) = manifests()["namespace.yaml"]
    assert namespace["metadata"]["name"] == written["namespace"]


@ALL
def test_a_command_is_one_that_exists(container: Container) -> None:
    """With options that it has: each is parsed by its own command line."""
    words = [filled_in(word, EXAMPLE_VALUES) for word in container.command]
    if container.name == "postgres":
        assert words == []
    elif words[0] == "pixelgate":
        from flows.cli.main import app

        group = typer.main.get_command(app)
        group.commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]
    elif words[0] == "mlflow":
        import mlflow.cli

        mlflow.cli.cli.commands[words[1]].make_context(words[1], words[2:])
    else:
        # The test of the servers runs it.
        assert words == ["prefect", "server", "start"]


@OURS
def test_a_variable_is_one_that_its_software_knows(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Pixelgate, Prefect and MLflow; an unknown one would do nothing, or stop a command."""
    import mlflow.environment_variables
    import prefect.settings
    from mlflow.cli import server

    env = {name: filled_in(value, EXAMPLE_VALUES) for name, value in container.env.items()}
    ours = {name: value for name, value in env.items() if name.startswith("PIXELGATE_")}
    assert not ours.keys() & OTHER_VARIABLES
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings_from_environment()
    options = {getattr(option, "envvar", None) for option in server.params}
    for name in (env | image_env()).keys() - ours.keys():
        if name.startswith("PREFECT_"):
            assert hasattr(prefect.settings, name), name
        elif name.startswith("MLFLOW_"):
            assert name in options or hasattr(mlflow.environment_variables, name), name
        else:
            assert name in OTHERS | {"PIXELGATE_HOME", "PGPASSWORD"}, name


def test_the_databases_get_their_passwords() -> None:
    """Those that databases.sql reads are all that PostgreSQL's container is given, and its own."""
    read = re.findall(r"\\getenv \w+ (\w+)", (KUBERNETES / "databases.sql").read_text("utf-8"))
    assert composed("postgres").env.keys() == {"POSTGRES_PASSWORD", *read}


def test_both_ways_set_the_same_variables() -> None:
    """The test of the servers runs what compose.yaml says; the manifests say the same."""
    for manifest in containers():
        if manifest.file == "compose.yaml" or manifest.name in ("postgres", "desk"):
            continue
        given = {
            name: VARIABLE.sub(lambda found: found[3] if found[2] == "-" else found[1], value)
            for name, value in composed(manifest.name).env.items()
        }
        found = {name: VARIABLE.sub(r"\1", value) for name, value in manifest.env.items()}
        assert found == given, manifest.name


def test_variables_of_compose_are_in_its_example() -> None:
    """Those without a default must be given; the others are there as comments."""
    example = (ROOT / "deployments/env.example").read_text("utf-8")
    used = VARIABLE.findall(json.dumps(compose()))
    assert {name for name, kind, _ in used} >= EXAMPLE_VALUES.keys()
    assert {name for name, kind, _ in used if kind == "?"} == set(
        re.findall(r"^(\w+)=$", example, re.MULTILINE)
    )
    assert {(name, default) for name, kind, default in used if kind == "-"} == set(
        re.findall(r"^# (\w+)=(.+)$", example, re.MULTILINE)
    )


@OURS
def test_ports_agree(container: Container) -> None:
    """The one it is given, the one that is published, and the one its health is asked on."""
    words = [*container.command, *(f"{name}={value}" for name, value in container.env.items())]
    found = (re.search(r"(?<!DATABASE_)port=(\d+)$", word, re.IGNORECASE) for word in words)
    given = {int(match[1]) for match in found if match}
    assert {port for _, port in container.asked} == given
    if container.name != "schedule":
        assert set(container.ports) == given
    if container.file != "compose.yaml" and container.name in services():
        (port,) = services()[container.name]["spec"]["ports"]
        assert {port["port"]} == given


@ALL
def test_addresses_lead_to_a_service(container: Container) -> None:
    """A host and port in a variable are those of a container beside it."""
    text = " ".join(container.env.values())
    ports = {each.name: each.ports for each in containers() if each.file != "compose.yaml"}
    for host, port in re.findall(r"(?:@|//|,| |^)([a-z]+):(\d+)", text):
        assert host == "localhost" or int(port) in ports[host], (host, port)


def test_the_image_is_not_run_as_root() -> None:
    """By number in the last stage, and all parts of Kubernetes use the same one."""
    words = [word for word, _ in instructions()]
    last = len(words) - 1 - words[::-1].index("FROM")
    (user,) = (rest for word, rest in instructions()[last:] if word == "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for _, workload in workloads():
        security = workload["spec"]["template"]["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True
        number = "999:999" if workload["metadata"]["name"] == "postgres" else user
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == number
        assert security["fsGroup"] == security["runAsGroup"]
    assert compose()["services"]["postgres"]["user"] == "999:999"


@ALL
def test_a_container_may_do_little(container: Container) -> None:
    """No capabilities, nothing written but in volumes, and started again when it fails."""
    described = container.described
    if container.file == "compose.yaml":
        assert described["cap_drop"] == ["ALL"]
        assert described["read_only"] is True
        assert described["security_opt"] == ["no-new-privileges:true"]
        assert described["restart"] == "unless-stopped"
        assert all(port.startswith("127.0.0.1:") for port in described.get("ports", ()))
    else:
        assert described["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} == described["resources"]["requests"].keys()
        assert "readinessProbe" in described
    if container.image == IMAGE:
        assert {image_env()["HOME"]} <= set(container.mounts)
    if container.command[:1] == ["pixelgate"]:
        assert {image_env()["PIXELGATE_HOME"]} <= set(container.mounts)


def test_pods_get_no_variables_of_services() -> None:
    """MLFLOW_PORT of a Service named mlflow would be taken for the setting of that name."""
    for _, workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["enableServiceLinks"] is False
        assert pod["automountServiceAccountToken"] is False


def test_services_wait_for_those_they_need() -> None:
    """A condition for each address in the variables, and a volume for each name."""
    for name, service in compose()["services"].items():
        waits = service.get("depends_on", {})
        text = " ".join(service.get("environment", {}).values())
        needed = {each for each in ("prefect", "postgres", "mlflow") if f"//{each}:" in text}
        needed |= {"postgres"} if name in ("prefect", "mlflow") else set()
        # The desk reads files, so that it is there when all others fail.
        assert waits.keys() == (set() if name == "desk" else needed)
        assert all(each == {"condition": "service_healthy"} for each in waits.values())
    volumes = [
        each for service in compose()["services"].values() for each in service.get("volumes", ())
    ]
    named = {each.split(":")[0] for each in volumes if re.match(r"[a-z]+:", each)}
    assert named == compose()["volumes"].keys()


def test_no_password_is_written_in() -> None:
    """Each comes from the environment of compose, or from a Secret that is in no file here."""
    for container in containers():
        for name, value in container.env.items():
            if re.search("PASS|TOKEN|SECRET|KEY", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), name
            assert not re.search(r"://[^/]*:[^/]*@", value), name
    assert all(each["kind"] != "Secret" for of in manifests().values() for each in of)
    assert not re.search("PASS|TOKEN", DOCKERFILE.read_text("utf-8"))
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert {".env", "passwords.env"} <= set(ignored)
