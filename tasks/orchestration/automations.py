"""Receivers of alarms go in; Prefect automations that tell them of flow runs come out.

For teams with a Prefect server of their own, which then tells of runs even where nothing of
Pixelgate is running.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

import httpx
from prefect.automations import Automation, CallWebhook, EventTrigger, Posture, SendNotification
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from tasks.errors import PixelgateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefect.client.orchestration import SyncPrefectClient

    from tasks.config.alarm_settings import AlarmSettings

FLOWS = ("retrain", "drill", "score")
# The events of the states, and how the message calls them.
EVENTS = {
    "failed": "prefect.flow-run.Failed",
    "crashed": "prefect.flow-run.Crashed",
    "late": "prefect.flow-run.Late",
}
SCHEMES = {"json": "http", "jsons": "https"}
BLOCK = "pixelgate-alarms-{number}"
TITLE = "{{ flow_run.name }}: {{ flow_run.state.name }}"
BODY = "{{ flow_run.state.message or 'No message.' }} {{ flow_run|ui_url }}"
# What Apprise posts to json://, so that one webhook understands both.
PAYLOAD = (
    '{"version": "1.0", "title": {{ (flow_run.name ~ ": " ~ flow_run.state.name)|tojson }},'
    ' "message": {{ ((flow_run.state.message or "No message.") ~ " " ~ flow_run|ui_url)|tojson }},'
    ' "type": "warning"}'
)


def set_up_automations(settings: AlarmSettings, blocks: Sequence[str]) -> list[dict[str, Any]]:
    """Create an automation for failed, crashed and late runs, or update those that are there.

    Args:
        settings: receivers json:// and jsons:// become blocks of the server.
        blocks: other notification blocks of the server, as TYPE/NAME.

    Returns:
        The name of each automation, and whether it was created, updated or unchanged.

    Raises:
        UsageError: there is no server, or no receiver that it can call.
        PixelgateError: the server can't be asked, or refuses.
    """
    if not PREFECT_API_URL.value():
        raise UsageError(
            "There is no Prefect server. Name yours: PREFECT_API_URL=http://HOST:4200/api"
        )
    try:
        with get_client(sync_client=True) as client:
            actions: list[CallWebhook | SendNotification] = [*_webhooks(settings)]
            actions += [_call_of(client, each) for each in blocks]
            if not actions:
                raise UsageError(
                    "There is nobody whom the Prefect server can call. Name a receiver json://..."
                    " in alarms.toml, or a notification block of the server with --block TYPE/NAME."
                )
            return [_set_up(client, word, event, actions) for word, event in EVENTS.items()]
    except (httpx.HTTPError, RuntimeError) as error:
        raise PixelgateError(f"The Prefect server did not answer as expected: {error}") from None


def _webhooks(settings: AlarmSettings) -> Iterator[CallWebhook]:
    """Save a block of the server for each receiver that is a webhook; yield what calls it."""
    for number, url in enumerate(settings.receivers, start=1):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme in SCHEMES:
            address = parts._replace(scheme=SCHEMES[parts.scheme], query="").geturl()
            # As Apprise has them in a URL: json://host/path?+Authorization=...
            given = urllib.parse.parse_qsl(parts.query.replace("+", "%2B"))
            headers = {name[1:]: value for name, value in given if name.startswith("+")}
            block = Webhook(url=address, headers={"Content-Type": "application/json", **headers})
            saved = block.save(BLOCK.format(number=number), overwrite=True)
            yield CallWebhook(block_document_id=saved, payload=PAYLOAD)


def _call_of(client: SyncPrefectClient, block: str) -> CallWebhook | SendNotification:
    """Return what calls a block that the server has."""
    kind, _, name = block.partition("/")
    try:
        # Without a name, the server would be asked for another page.
        document = client.read_block_document_by_name(name or "-", kind, include_secrets=False)
    except ObjectNotFound:
        raise UsageError(
            f"The Prefect server has no block {block}. Expected TYPE/NAME, such as"
            " slack-webhook/ops; `prefect block ls` lists them."
        ) from None
    if kind == Webhook.get_block_type_slug():
        return CallWebhook(block_document_id=document.id, payload=PAYLOAD)
    return SendNotification(block_document_id=document.id, subject=TITLE, body=BODY)


def _set_up(
    client: SyncPrefectClient,
    word: str,
    event: str,
    actions: Sequence[CallWebhook | SendNotification],
) -> dict[str, Any]:
    wanted = Automation(
        name=f"pixelgate: a run is {word}" if word == "late" else f"pixelgate: a run {word}",
        description="Made by `pixelgate alarms automations`, which updates it.",
        trigger=EventTrigger(
            expect={event},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.role": "flow",
                "prefect.resource.name": list(FLOWS),
            },
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=list(actions),
    )
    found = client.read_automations_by_name(wanted.name)
    if not found:
        wanted.create()
        return {"automation": wanted.name, "done": "created"}
    # Somebody who switched it off wants it to stay so.
    wanted.id, wanted.enabled = found[0].id, found[0].enabled
    if _plain(found[0]) == _plain(wanted):
        return {"automation": wanted.name, "done": "unchanged"}
    wanted.update()
    return {"automation": wanted.name, "done": "updated"}


def _plain(automation: Any) -> dict[str, Any]:
    """Return what is set of an automation, without what the server adds."""
    plain: dict[str, Any] = automation.model_dump(
        mode="json", include={"description", "trigger", "actions"}
    )
    plain["trigger"].pop("id", None)
    return plain
