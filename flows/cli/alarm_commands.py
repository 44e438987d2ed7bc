"""The commands about alarms: what is open, whether they arrive, and the same in Prefect."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Home, Json, examples, load, new_app
from flows.cli.printing import print_json, print_table
from flows.cli.screen import quiet, say
from tasks.errors import PixelgateError, UsageError

if TYPE_CHECKING:
    from tasks.monitoring.alarm_store import OpenAlarm

commands = new_app(
    help="What somebody should be told of, and whether they are.", invoke_without_command=True
)
commands.info.no_args_is_help = False
NO_RECEIVERS = (
    'There are no receivers. Name one in {file}: receivers = ["json://host/path"], or in the'
    " environment as PIXELGATE_ALARMS_RECEIVERS."
)

COLUMNS = ("severity", "model", "cause", "since (UTC)", "what is the case", "what to do")


@commands.callback(
    epilog=examples("pixelgate alarms", "pixelgate alarms --json", "pixelgate alarms test")
)
def alarms(context: typer.Context, home: Home = None, *, as_json: Json = False) -> None:
    """List the open alarms of all models of a home, the most urgent first.

    `pixelgate up` sends them to the receivers in alarms.toml.
    """
    if context.invoked_subcommand is not None:
        return
    from tasks.config.alarm_settings import load_alarm_settings
    from tasks.monitoring.alarm_list import list_alarms
    from tasks.monitoring.alarm_store import undelivered

    settings, _ = load(None, None, home=home)
    paths = settings.paths
    found = list_alarms(paths, load_alarm_settings(paths))
    if as_json:
        print_json([_plain(each) for each in found])
    elif found:
        print_table(COLUMNS, [_row(each) for each in found])
    else:
        say("No alarm is open.")
    waiting = undelivered(paths)
    if waiting:
        say(f"{waiting} messages did not reach their receiver. See why: pixelgate alarms test")


@commands.command(
    name="test", epilog=examples("pixelgate alarms test", "pixelgate alarms test --json")
)
def send_test(home: Home = None, *, as_json: Json = False) -> None:
    """Send a test message to each receiver, and say which did not accept it, and why.

    The exit code is 1 if any did not.
    """
    from tasks.config.alarm_settings import load_alarm_settings
    from tasks.monitoring.receivers import try_receivers

    settings, _ = load(None, None, home=home)
    wanted = load_alarm_settings(settings.paths)
    if not wanted.receivers:
        raise UsageError(NO_RECEIVERS.format(file=settings.paths.alarm_settings))
    results = [
        {"receiver": receiver.label, "accepted": not problem, "problem": problem}
        for receiver, problem in try_receivers(wanted)
    ]
    if as_json:
        print_json(results)
    else:
        for each in results:
            words = "accepted the message" if each["accepted"] else f"failed: {each['problem']}"
            typer.echo(f"{'ok' if each['accepted'] else 'XX'}  receiver {each['receiver']} {words}")
    failed = sum(not each["accepted"] for each in results)
    if failed:
        raise PixelgateError(
            f"{failed} of {len(results)} receivers did not accept the message. Correct their URLs"
            f" in {settings.paths.alarm_settings} or PIXELGATE_ALARMS_RECEIVERS."
        )


@commands.command(
    epilog=examples(
        "pixelgate alarms automations", "pixelgate alarms automations --block slack-webhook/ops"
    )
)
def automations(
    home: Home = None,
    block: Annotated[
        list[str] | None,
        typer.Option(
            help="A webhook or notification block of the server, TYPE/NAME; can be repeated.",
            metavar="TYPE/NAME",
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Create Prefect automations that tell of failed, crashed and late flow runs.

    They are created on the server of PREFECT_API_URL, and called again the command updates them.
    Receivers json:// and jsons:// become webhook blocks; others need a block of that server.
    """
    from tasks.config.alarm_settings import load_alarm_settings

    settings, _ = load(None, None, home=home)
    wanted = load_alarm_settings(settings.paths)
    with quiet(settings.paths):
        from tasks.orchestration.automations import set_up_automations

        made = set_up_automations(wanted, block or [])
    if as_json:
        print_json(made)
    else:
        for each in made:
            typer.echo(f"{each['done']}  {each['automation']}")


def _plain(found: OpenAlarm) -> dict[str, Any]:
    since = found.since.isoformat() if found.since else None
    return {**asdict(found.alarm), "since": since}


def _row(found: OpenAlarm) -> list[str]:
    alarm, since = found.alarm, f"{found.since:%Y-%m-%d %H:%M}" if found.since else "-"
    model = alarm.model or "-"
    return [alarm.severity, model, alarm.cause, since, alarm.sentence, alarm.action]
