"""`pixelgate alarms automations` on a real Prefect server, which then calls a real webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.config.alarm_settings import AlarmSettings
from tasks.errors import PixelgateError, UsageError
from tests.command_line import prefect_at
from tests.prefect_server import ask_server
from tests.processes import wait_until
from tests.webhooks import SECRET, Webhook, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command_line import CommandProcess
    from tests.prefect_server import PrefectServer

NAMES = ("pixelgate: a run failed", "pixelgate: a run crashed", "pixelgate: a run is late")
# Other tests have runs that fail on this server, too.
RUN = "a run of these tests"


def ours(hook: Webhook) -> list[dict[str, Any]]:
    """Return the messages about runs of these tests."""
    return [each for each in hook.received if each["title"].startswith(RUN)]


def automations_of(server: PrefectServer) -> dict[str, Any]:
    """Return our automations by their names."""
    found = server.ask("/automations/filter")
    return {each["name"]: each for each in found if each["name"].startswith("pixelgate: ")}


def end_run(server: PrefectServer, flow: str, state: str, name: str) -> None:
    """Make a run of a flow that ends in a state."""
    made = server.ask("/flows/", name=flow)
    server.ask(
        "/flow_runs/",
        flow_id=made["id"],
        name=RUN,
        state={"type": state, "name": name, "message": 'it says "no"'},
    )


@pytest.fixture
def clean_server(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """Return the server, and take our automations from it: other tests use it too."""
    yield prefect_server
    for each in automations_of(prefect_server).values():
        ask_server("DELETE", f"{prefect_server.url}/automations/{each['id']}")


def test_a_prefect_server_tells_of_runs(
    pixelgate_process: CommandProcess, clean_server: PrefectServer
) -> None:
    """Failed, crashed and late ones of our flows; the command can be repeated."""
    with webhook() as hook:
        env = {"PIXELGATE_ALARMS_RECEIVERS": f"mailto://a:b@example.org {hook.url}"}
        first = pixelgate_process("alarms", "automations", "--json", env=env, flow=True)
        assert first.code == 0, first.err
        assert first.json == [{"automation": name, "done": "created"} for name in NAMES]
        again = pixelgate_process("alarms", "automations", env=env, flow=True)
        assert again.out.splitlines() == [f"unchanged  {name}" for name in NAMES]
        assert sorted(automations_of(clean_server)) == sorted(NAMES)
        end_run(clean_server, "somebody-elses", "FAILED", "Failed")
        for state, name in (("FAILED", "Failed"), ("CRASHED", "Crashed"), ("SCHEDULED", "Late")):
            end_run(clean_server, "retrain", state, name)
        wait_until(lambda: len(ours(hook)) >= 3, seconds=90, what="three calls")
        assert sorted(each["title"] for each in ours(hook)) == [
            f"{RUN}: Crashed",
            f"{RUN}: Failed",
            f"{RUN}: Late",
        ]
        assert all('it says "no"' in each["message"] for each in ours(hook))
        assert SECRET not in first.out + first.err + again.err


def test_automations_call_the_blocks_that_are_named(clean_server: PrefectServer) -> None:
    """Webhooks and notifications; called again with other receivers, they are updated."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    from tasks.orchestration.automations import set_up_automations

    with webhook() as hook, prefect_at(lambda: clean_server):
        set_up_automations(AlarmSettings(receivers=["json://127.0.0.1:1/nobody"]), [])
        CustomWebhookNotificationBlock(
            name="ops",
            url=f"http://127.0.0.1:{hook.port}/{SECRET}",
            json_data={"title": "{{subject}}", "message": "{{body}}"},
        ).save("ops", overwrite=True)
        blocks = ["webhook/pixelgate-alarms-1", "custom-webhook/ops"]
        made = set_up_automations(AlarmSettings(), blocks)
        assert [each["done"] for each in made] == ["updated"] * 3
        for each in automations_of(clean_server).values():
            kinds = [action["type"] for action in each["actions"]]
            assert kinds == ["call-webhook", "send-notification"]
        end_run(clean_server, "drill", "FAILED", "Failed")
        [sent] = wait_until(lambda: ours(hook), seconds=90, what="the notification")
        assert sent["title"] == f"{RUN}: Failed"
        for unknown in ("slack-webhook/ops", "ops"):
            with pytest.raises(UsageError, match=f"has no block {unknown}. Expected TYPE/NAME"):
                set_up_automations(AlarmSettings(), [unknown])


def test_without_a_server_or_a_receiver_there_is_a_message() -> None:
    """One line that says what to name."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tasks.orchestration.automations import set_up_automations

    nobody, one = AlarmSettings(), AlarmSettings(receivers=[f"json://127.0.0.1:1/{SECRET}"])
    no_server = pytest.raises(UsageError, match=r"There is no Prefect server\. Name yours: PREF")
    with temporary_settings(restore_defaults={PREFECT_API_URL}), no_server:
        set_up_automations(one, [])
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        with pytest.raises(UsageError, match="There is nobody whom the Prefect server can call"):
            set_up_automations(nobody, [])
        with pytest.raises(PixelgateError, match="The Prefect server did not answer") as raised:
            set_up_automations(one, [])
        assert SECRET not in str(raised.value)
