"""`pixelgate alarms automations` on a real Prefect server, which then calls a real webhook."""

from __future__ import annotations

import urllib.error
from typing import TYPE_CHECKING, Any

import pytest

from tasks.config.alarm_settings import AlarmSettings
from tasks.errors import PixelgateError, UsageError
from tests.processes import wait_until
from tests.webhooks import SECRET, webhook

if TYPE_CHECKING:
    from tests.command_line import CommandProcess
    from tests.prefect_server import PrefectServer


def automations_of(server: PrefectServer) -> dict[str, Any]:
    """Return our automations by their names."""
    found = server.ask("/automations/filter")
    return {each["name"]: each for each in found if each["name"].startswith("pixelgate: ")}


def end_run(server: PrefectServer, flow: str, state: str, name: str) -> None:
    """Make a run of a flow that ends in a state."""
    made = insistently(server, "/flows/", name=flow)
    insistently(
        server,
        "/flow_runs/",
        flow_id=made["id"],
        name="retrain digits",
        state={"type": state, "name": name, "message": 'it says "no"'},
    )


def insistently(server: PrefectServer, path: str, **body: Any) -> Any:
    """Ask until the server's database is not busy."""

    def answer() -> Any:
        try:
            return server.ask(path, **body)
        except urllib.error.HTTPError as error:
            assert error.code == 503
            return None

    return wait_until(answer, seconds=60, what=path, every=1)


def test_a_prefect_server_tells_of_runs(
    pixelgate_process: CommandProcess, prefect_server: PrefectServer
) -> None:
    """Failed, crashed and late ones of our flows; the command can be repeated and changes them."""
    with webhook() as hook:
        env = {"PIXELGATE_ALARMS_RECEIVERS": f"mailto://a:b@example.org {hook.url}"}
        first = pixelgate_process("alarms", "automations", "--json", env=env, flow=True)
        assert first.code == 0, first.err
        names = ["pixelgate: a run failed", "pixelgate: a run crashed", "pixelgate: a run is late"]
        assert first.json == [{"automation": name, "done": "created"} for name in names]
        again = pixelgate_process("alarms", "automations", env=env, flow=True)
        assert again.out.splitlines() == [f"unchanged  {name}" for name in names]
        assert sorted(automations_of(prefect_server)) == sorted(names)

        end_run(prefect_server, "somebody-elses", "FAILED", "Failed")
        for state, name in (("FAILED", "Failed"), ("CRASHED", "Crashed"), ("SCHEDULED", "Late")):
            end_run(prefect_server, "retrain", state, name)
        wait_until(lambda: len(hook.received) >= 3, seconds=90, what="three calls")
        assert sorted(hook.titles) == [
            "retrain digits: Crashed",
            "retrain digits: Failed",
            "retrain digits: Late",
        ]
        assert all('it says "no"' in each["message"] for each in hook.received)
        assert SECRET not in first.out + first.err + again.err

        block = ("--block", "webhook/pixelgate-alarms-2")
        unknown = ("--block", "slack-webhook/ops")
        wrong = pixelgate_process("alarms", "automations", *unknown, env=env, flow=True)
        assert (wrong.code, "has no block slack-webhook/ops" in wrong.err) == (2, True)
        changed = pixelgate_process("alarms", "automations", *block, env=env, flow=True)
        assert changed.out.splitlines() == [f"updated  {name}" for name in names]
        kinds = [each["type"] for each in automations_of(prefect_server)[names[0]]["actions"]]
        assert kinds == ["call-webhook", "send-notification"]


def test_without_a_server_or_a_receiver_there_is_a_message() -> None:
    """One line that says what to name."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tasks.orchestration.automations import set_up_automations

    nobody, one = AlarmSettings(), AlarmSettings(receivers=[f"json://127.0.0.1:1/{SECRET}"])
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        with pytest.raises(
            UsageError, match=r"There is no Prefect server\. Name yours: PREFECT_API"
        ):
            set_up_automations(one, [])
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        with pytest.raises(UsageError, match="There is nobody whom the Prefect server can call"):
            set_up_automations(nobody, [])
        with pytest.raises(PixelgateError, match="The Prefect server did not answer") as raised:
            set_up_automations(one, [])
        assert SECRET not in str(raised.value)
