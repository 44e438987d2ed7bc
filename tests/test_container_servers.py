"""What the containers run, as processes on a real PostgreSQL: their commands, variables, checks."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.container_files import KUBERNETES, composed, filled_in, image_env
from tests.image_trees import ROOT, write_tree
from tests.postgres import postgres, programs, run_sql
from tests.processes import free_ports, running, unmeasured, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# With characters that an address would have to escape.
PASSWORDS = {
    "POSTGRES_PASSWORD": "of the one who creates",
    "DATABASE_PASSWORD_PREFECT": "p@ss/w:rd %41?#'$",
    "DATABASE_PASSWORD_MLFLOW": 'an@ther/w:rd %41?#"$',
}
PROGRAMS = {"pixelgate": "flows.cli", "prefect": "prefect", "mlflow": "mlflow"}


@dataclasses.dataclass(frozen=True)
class Stack:
    """The containers of compose.yaml as processes of this machine.

    Attributes:
        folder: stands for their volumes and folders.
        database: address of PostgreSQL, without its user and database.
        ports: by the port that the container has.
    """

    folder: Path
    database: str
    ports: dict[str, int]

    def here(self, text: str) -> str:
        """Return a word of a command or the value of a variable as it is on this machine."""
        given = PASSWORDS | {"PIXELGATE_DATA": "/data", "PIXELGATE_CRON": "* * * * *"}
        text = filled_in(text, given)
        text = re.sub(r"(?<=//)(prefect|mlflow)(?=:)|(?<=@)postgres(?=:)", "127.0.0.1", text)
        text = re.sub(r"\b(4200|5000|5432|8080|8200)\b", lambda at: str(self.ports[at[0]]), text)
        return re.sub(r"(?<![\w/:.])/(?=tmp|var|data)", f"{self.folder}/", text)

    def environment(self, name: str, **others: str) -> dict[str, str]:
        """Return the variables of a container, those of its image included."""
        own = {**image_env(), **composed(name).env, **others}
        own = {key: self.here(value) for key, value in own.items() if key != "PATH"}
        # Both that it asks and that it listens on: nobody else may ask these servers. The desk
        # listens on all, as its container does, since only then it asks for its password.
        own |= {key: "127.0.0.1" for key in own if key.endswith("_HOST")}
        inherited = {key: value for key, value in os.environ.items() if key[:7] != "PREFECT"}
        return unmeasured({**inherited, **own, "PYTHONPATH": str(ROOT)})

    @contextlib.contextmanager
    def start(self, name: str, **others: str) -> Iterator[None]:
        """Run the command of a container until it is healthy and the block ends."""
        program, *words = composed(name).command
        command = [sys.executable, "-m", PROGRAMS[program], *map(self.here, words)]
        log = self.folder / f"{name}.log"
        with running(command, log, self.environment(name, **others), self.folder):
            try:
                wait_until(lambda: self.healthy(name), seconds=180, what=f"{name} to be healthy")
            except pytest.fail.Exception:
                print(log.read_text()[-3000:])  # noqa: T201 - pytest shows it
                raise
            yield

    def healthy(self, name: str) -> bool:
        """Run the health check of a container."""
        (words,) = composed(name).checks
        command = [sys.executable, *map(self.here, words[1:])]
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0

    def sql(self, database: str, query: str) -> str:
        """Return the answer of a query by the owner of a database."""
        password = PASSWORDS[f"DATABASE_PASSWORD_{database.upper()}"]
        return run_sql(
            f"postgresql://{database}@{self.database}/{database}",
            "--command",
            query,
            env={"PGPASSWORD": password},
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start PostgreSQL and create its databases as the container does."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("stack")
    for each in ("tmp", "var/lib/pixelgate", "var/lib/mlflow"):
        (folder / each).mkdir(parents=True)
    with postgres(password=PASSWORDS["POSTGRES_PASSWORD"]) as uri:
        secrets = {**PASSWORDS, "PGPASSWORD": PASSWORDS["POSTGRES_PASSWORD"]}
        run_sql(uri, "--file", str(KUBERNETES / "databases.sql"), env=secrets)
        address = uri.split("@")[1].split("/")[0]
        ports = dict(zip(("4200", "5000", "8080", "8200"), free_ports(4), strict=True))
        yield Stack(folder, address, ports | {"5432": int(address.split(":")[1])})


def test_each_server_has_a_database_of_its_own(stack: Stack) -> None:
    """Its owner comes in by the right password, and not into the other one."""
    assert stack.sql("prefect", "SELECT current_database()") == "prefect"
    uri = f"postgresql://prefect@{stack.database}"
    for database, password, message in (
        ("mlflow", PASSWORDS["DATABASE_PASSWORD_PREFECT"], "permission denied for database"),
        ("prefect", PASSWORDS["DATABASE_PASSWORD_MLFLOW"], "password authentication failed"),
    ):
        with pytest.raises(subprocess.CalledProcessError) as raised:
            run_sql(f"{uri}/{database}", "--command", "SELECT 1", env={"PGPASSWORD": password})
        assert message in raised.value.stderr


def test_the_schedule_runs_on_both_servers(stack: Stack) -> None:
    """A run that starts by itself is promoted: Prefect, MLflow and the desk all know of it."""
    write_tree(stack.folder / "data", {"cat": 70, "dog": 70, "owl": 70})
    with contextlib.ExitStack() as stacked:
        stacked.enter_context(stack.start("prefect"))
        stacked.enter_context(stack.start("mlflow"))
        stacked.enter_context(stack.start("schedule", PIXELGATE_TRAINING__EPOCHS="6"))
        stacked.enter_context(stack.start("desk"))
        count = "SELECT count(*) FROM flow_run WHERE state_name = 'Promoted' AND auto_scheduled"
        wait_until(lambda: stack.sql("prefect", count) != "0", seconds=400, what="a run", every=2)
        versions = stack.sql("mlflow", "SELECT name, version FROM model_versions")
        assert versions.startswith("pixelgate|1")
        assert [*(stack.folder / "var/lib/mlflow").rglob("*.keras")]
        assert '"health":"healthy"' in desk_says(stack)
        assert f'"api_url":"http://127.0.0.1:{stack.ports["4200"]}/api"' in answer(
            f"http://127.0.0.1:{stack.ports['4200']}/ui-settings"
        )
        check_hosts_of_mlflow(stack)
    # None of the databases that the servers have on their own.
    assert not [*stack.folder.rglob("prefect.db"), *stack.folder.rglob("mlflow.db")]


def check_hosts_of_mlflow(stack: Stack) -> None:
    """MLflow answers by the name that the other containers know, and refuses any other."""
    url = f"http://127.0.0.1:{stack.ports['5000']}/api/2.0/mlflow/registered-models/search"
    assert "pixelgate" in answer(url, Host=f"mlflow:{stack.ports['5000']}")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        answer(url, Host="elsewhere.example")


def desk_says(stack: Stack) -> str:
    """Return the status of the models, which the desk tells those who know its password."""
    url = f"http://127.0.0.1:{stack.ports['8200']}/api/status"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        answer(url)
    token = (stack.folder / "var/lib/pixelgate/state/desk-token").read_text().strip()
    known = base64.b64encode(f"anybody:{token}".encode()).decode()
    return answer(url, Authorization=f"Basic {known}")


def answer(url: str, **headers: str) -> str:
    """Return what a server on this machine answers."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own server
        text: str = response.read().decode()
    return text
