"""The containers as deployments/ describes them: files go in, one record for each container out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.image_trees import ROOT

COMPOSE = ROOT / "deployments/compose.yaml"
KUBERNETES = ROOT / "deployments/kubernetes"
DOCKERFILE = ROOT / "deployments/Dockerfile"
IMAGE = "pixelgate"
# ${NAME:-default}, ${NAME:?message} and ${NAME}.
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True)
class Container:
    """One container, in the words that compose.yaml and Kubernetes share.

    Attributes:
        file: in deployments/.
        name: of its service or workload.
        image: without its tag, if it is ours.
        command: words.
        env: variables as they are written; of a secret, `${its key:?}`.
        ports: those that others are meant to use.
        checks: of its health, as the words of a command, or the path and port of a request.
        mounts: folders where volumes are.
        described: all that the file says about it.
    """

    file: str
    name: str
    image: str
    command: list[str]
    env: dict[str, str]
    ports: list[int]
    checks: list[list[str]]
    mounts: list[str]
    described: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        """Return the name of a test's case."""
        return f"{self.name}-{self.file}"

    @property
    def asked(self) -> set[tuple[str, int]]:
        """Path and port of each request that asks for its health."""
        found = (re.search(r"127\.0\.0\.1:(\d+)(/[\w/]+)", check[-1]) for check in self.checks)
        by_command = {(match[2], int(match[1])) for match in found if match}
        return by_command | {
            (check[0], int(check[1])) for check in self.checks if check[0].startswith("/")
        }


def compose() -> dict[str, Any]:
    """Return compose.yaml, its anchors resolved."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return content


def manifests() -> dict[str, list[dict[str, Any]]]:
    """Return the objects of each file of manifests; kustomization.yaml is none of them."""
    return {
        file.name: list(yaml.safe_load_all(file.read_text("utf-8")))
        for file in sorted(KUBERNETES.glob("*.yaml"))
        if file.name != "kustomization.yaml"
    }


def workloads() -> list[tuple[str, dict[str, Any]]]:
    """Return the Deployments and StatefulSets, with their files."""
    return [
        (name, each)
        for name, objects in manifests().items()
        for each in objects
        if each["kind"] in ("Deployment", "StatefulSet")
    ]


def services() -> dict[str, dict[str, Any]]:
    """Return Kubernetes' Services by name."""
    objects = [each for of_file in manifests().values() for each in of_file]
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == "Service"}


def containers() -> list[Container]:
    """Return all containers of compose.yaml and of the manifests."""
    composed = [_of_compose(name, each) for name, each in compose()["services"].items()]
    return composed + [_of_workload(file, each) for file, each in workloads()]


def composed(name: str) -> Container:
    """Return a container of compose.yaml."""
    (found,) = (each for each in containers() if (each.name, each.file) == (name, COMPOSE.name))
    return found


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile and what follows each, without its comments."""
    lines = DOCKERFILE.read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined) if word]


def image_env() -> dict[str, str]:
    """Return the variables that the last stage of the Dockerfile sets."""
    last = max(at for at, (word, _) in enumerate(instructions()) if word == "FROM")
    pairs = [
        pair.partition("=")[::2]
        for word, rest in instructions()[last:]
        if word == "ENV"
        for pair in rest.split()
    ]
    return dict(pairs)


def filled_in(text: str, given: dict[str, str]) -> str:
    """Return a text of compose.yaml with its variables filled in, as `docker compose` does it.

    Raises:
        KeyError: one that has no default is not given.
    """

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return (given.get(name) or default) if kind == "-" else given[name]

    return VARIABLE.sub(value, text)


def _of_compose(name: str, described: dict[str, Any]) -> Container:
    return Container(
        file=COMPOSE.name,
        name=name,
        image=described["image"].removesuffix(":latest"),
        command=described.get("command", []),
        env=described.get("environment", {}),
        ports=[int(port.split(":")[-1]) for port in described.get("ports", ())],
        checks=[described["healthcheck"]["test"][1:]],
        mounts=[
            *(volume.removesuffix(":ro").split(":")[-1] for volume in described.get("volumes", ())),
            *described["tmpfs"],
        ],
        described=described,
    )


def _of_workload(file: str, workload: dict[str, Any]) -> Container:
    (described,) = workload["spec"]["template"]["spec"]["containers"]
    checks = [described[kind] for kind in described if kind.endswith("Probe")]
    ports = {port["name"]: port["containerPort"] for port in described.get("ports", ())}
    return Container(
        file=file,
        name=workload["metadata"]["name"],
        image=described["image"],
        command=[*described.get("command", ()), *described.get("args", ())],
        env={each["name"]: _value(each) for each in described.get("env", ())},
        ports=list(ports.values()),
        checks=[
            check["exec"]["command"]
            if "exec" in check
            else [check["httpGet"]["path"], str(ports[check["httpGet"]["port"]])]
            for check in checks
        ],
        mounts=[mount["mountPath"] for mount in described["volumeMounts"]],
        described=described,
    )


def _value(variable: dict[str, Any]) -> str:
    if "value" in variable:
        return str(variable["value"])
    return f"${{{variable['valueFrom']['secretKeyRef']['key']}:?}}"
