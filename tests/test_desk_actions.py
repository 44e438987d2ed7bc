"""What people do at the desk, over HTTP, on a real registry: what changes, and who is named."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tasks.monitoring.run_requests import waiting_requests
from tasks.outcome import Outcome
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.champion import champion_version
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.ledger_check import list_reigns, verify_ledger
from tasks.runs.run_folder import CONFIG, REGISTRATION, stored_settings
from tests.browsers import width_of
from tests.desk_people import TOKEN, Operator, hidden, served_desk
from tests.model_bench import golden_folder
from tests.production_state import decisions
from tests.run_records import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.command_line import Command
    from tests.model_bench import Bench

MODEL, ROLLBACK = "/models/bench", "/models/bench/rollback"
PROMOTE_2 = "/models/bench/promote?version=2"


@pytest.fixture
def desk(versions: Bench) -> Iterator[str]:
    """Return the address of a desk on four versions, of which the first is champion."""
    with served_desk(versions.config.paths) as url:
        yield url


def wait_for_approval(bench: Bench, version: str) -> str:
    """Write the record of a run whose version waits for a person; return its id."""
    return write_run(bench.config.paths, Outcome.AWAITING_APPROVAL, model_version=version)


def test_a_promotion_is_shown_before_it_is_made(desk: str, versions: Bench) -> None:
    """From which version to which, with their accuracies and the checks it overrules."""
    client = versions.store.client
    client.set_model_version_tag("bench", "2", "pixelgate.check.worst", "FAIL worst_class_recall")
    ada = Operator(desk)
    page = ada.page(PROMOTE_2)
    assert "Put into production: version 2 of bench?" in page
    assert "<td>1</td><td>2</td>" in page
    assert "<td>90.0%</td><td>90.0%</td>" in page
    assert '<li class="mark critical">FAIL worst_class_recall</li>' in page
    assert champion_version(versions.store) == "1"
    page = ada.hand_over(PROMOTE_2, "approved by QA")
    assert "Version 2 of bench is in production now; before: version 1." in page
    assert "Signed in as ada" in page
    assert champion_version(versions.store) == "2"
    assert decisions(versions) == [("ada (desk)", "promote", "2", "approved by QA")]
    entry = read_ledger(versions.store.ledger)[-2]
    assert entry.evidence["overruled"] == ["FAIL worst_class_recall"]


def test_what_is_in_production_is_promoted_no_second_time(desk: str, versions: Bench) -> None:
    """The page says so and has no button."""
    page = Operator(desk).page("/models/bench/promote?version=1")
    assert "Version 1 of bench is in production already" in page
    assert "<button>Promote" not in page
    assert decisions(versions) == []


def test_a_rollback_returns_to_the_version_before(desk: str, versions: Bench) -> None:
    """Its page names the target; the reason and who decided are kept."""
    ada = Operator(desk)
    assert "is the first champion: there is none before" in ada.page(ROLLBACK)
    ada.hand_over(PROMOTE_2, "try it")
    assert "Roll back to version 1 of bench?" in ada.page(ROLLBACK)
    page = ada.hand_over(ROLLBACK, "confuses <dogs>")
    assert "Version 1 of bench is in production now; before: version 2." in page
    assert decisions(versions)[-1] == ("ada (desk)", "rollback", "1", "confuses <dogs>")
    assert "<td>confuses &lt;dogs&gt;</td>" in ada.http.get(MODEL).text


def test_a_version_that_waits_is_approved_once(desk: str, versions: Bench) -> None:
    """Afterwards nothing waits; a version that doesn't wait can't be approved."""
    wait_for_approval(versions, "3")
    ada = Operator(desk)
    assert "Version 3 waits for approval" in ada.page(MODEL)
    assert "Approve version 3" in ada.page(MODEL)
    page = ada.hand_over("/models/bench/promote?version=3", "looked at the report")
    assert "Version 3 of bench is in production now" in page
    assert "waits for approval" not in page
    assert decisions(versions) == [("ada (desk)", "promote", "3", "looked at the report")]
    page = ada.send(MODEL, to="/models/bench/approve", version="4", seen="3")
    assert "Version 4 of bench doesn't wait for approval any more." in page
    ada.hand_over(ROLLBACK, "too slow")
    assert "waits for approval" not in ada.page(MODEL)


def test_two_clicks_are_one_promotion(desk: str, versions: Bench) -> None:
    """The second one waits for the first, and its page says what came of it."""
    ada = Operator(desk)
    text = ada.http.get(PROMOTE_2).text
    fields = {**hidden(text), "form_token": ada.form_token(PROMOTE_2), "reason": "two clicks"}

    def click(_: int) -> int:
        return ada.http.post("/models/bench/promote", data=fields).status_code

    with ThreadPoolExecutor(2) as clicks:
        assert list(clicks.map(click, range(2))) == [303, 303]
    assert "Version 2 of bench is in production now" in ada.page(MODEL)
    assert decisions(versions) == [("ada (desk)", "promote", "2", "two clicks")]


def test_a_form_that_is_sent_again_later_does_nothing(desk: str, versions: Bench) -> None:
    """As by the browser's way back, when the champion is again the one that was seen."""
    ada = Operator(desk)
    fields = {
        "form_token": ada.form_token(PROMOTE_2),
        "version": "2",
        "seen": "1",
        "reason": "once",
    }
    ada.http.post("/models/bench/promote", data=fields)
    ada.hand_over(ROLLBACK, "worse")
    answer = ada.http.post("/models/bench/promote", data=fields, follow_redirects=True)
    assert "This form was sent before, and counted once." in answer.text
    assert champion_version(versions.store) == "1"


def test_a_champion_that_changed_meanwhile_is_said(desk: str, versions: Bench) -> None:
    """What was decided against another champion is not carried out."""
    ada = Operator(desk)
    fields = hidden(ada.http.get(PROMOTE_2).text)
    promote_version(versions.store, "3", reason="by somebody else", who="bob@shell")
    page = ada.send(PROMOTE_2, to="/models/bench/promote", **fields)
    assert "take the place of version 1, but version 3 became champion in the meantime" in page
    fields = hidden(ada.http.get(ROLLBACK).text)
    roll_back(versions.store, reason="by somebody else", who="bob@shell")
    page = ada.send(PROMOTE_2, to="/models/bench/rollback", **fields)
    assert "Version 1 is in production already; nothing was changed." in page
    assert {who for who, *_ in decisions(versions)} == {"bob@shell"}


@pytest.mark.parametrize(
    ("to", "fields", "message"),
    [
        ("promote", {"version": "9", "seen": "1"}, "No version 9 of bench. There are: 1, 2, 3, 4"),
        ("promote", {"version": "2", "seen": "1", "reason": "  "}, "Give a reason that others"),
        ("promote", {"version": "2", "seen": "1", "reason": "x" * 501}, "has 501 characters"),
        ("rollback", {"version": "2", "seen": "1"}, "Version 2 of bench was never in production"),
        ("run", {"reason": ""}, "Give a reason that others"),
        ("quarantine", {}, "Choose files, or all of them."),
        ("quarantine", {"file": "cat/1.png"}, "cat/1.png is not in quarantine."),
        ("quarantine", {"everything": "yes"}, "No file of bench is in quarantine"),
    ],
)
def test_a_mistake_is_a_message_on_the_page(
    desk: str, versions: Bench, to: str, fields: dict[str, str], message: str
) -> None:
    """It changes nothing and leaves no entry."""
    page = Operator(desk).send(MODEL, to=f"/models/bench/{to}", **fields)
    assert '<p class="notice problem" role="alert">' in page
    assert message in page
    assert decisions(versions) == []


def test_a_file_that_is_not_the_registered_one_is_refused(desk: str, versions: Bench) -> None:
    """As on the command line."""
    (file,) = versions.config.paths.artifacts.rglob("*.keras")
    file.write_bytes(file.read_bytes() + b" ")
    page = Operator(desk).hand_over(PROMOTE_2, "try it")
    assert "can't be in production: the content of" in page
    assert decisions(versions) == []


def test_a_version_must_know_the_golden_images(desk: str, versions: Bench, tmp_path: Path) -> None:
    """The folder is the one of the settings of the newest run that registered a version."""
    home = versions.config.paths
    for number, right in ((1, False), (2, True)):
        run_id = write_run(home, Outcome.PROMOTED, number=number, model_version=str(number))
        config = golden_folder(versions, tmp_path / f"golden-{right}", right=right)
        (home.runs / run_id / CONFIG).write_text(json.dumps(stored_settings(config)), "utf-8")
        (home.runs / run_id / REGISTRATION).write_text("{}", "utf-8")
        ada = Operator(desk)
        assert str(tmp_path / f"golden-{right}") in ada.page(PROMOTE_2)
        page = ada.hand_over(PROMOTE_2, "try it")
        assert ("Version 2 misses 4 of the 4 images" in page) is not right
    assert champion_version(versions.store) == "2"


def test_settings_of_another_release_decide_nothing(desk: str, versions: Bench) -> None:
    """What a promotion must pass is then unknown."""
    run_id = write_run(versions.config.paths, Outcome.PROMOTED, model_version="1")
    file = versions.config.paths.runs / run_id / CONFIG
    file.write_text(json.dumps({"name": "bench", "gate": {"no_such_rule": {}}}), "utf-8")
    page = Operator(desk).send(MODEL, to="/models/bench/promote", version="2", seen="1")
    assert f"The settings of run {run_id} are not those of this release" in page
    assert champion_version(versions.store) == "1"


def test_a_fault_is_a_message_too(
    desk: str, versions: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the traceback, the page the words."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.registry.by_hand.promote_version", fail)
    page = Operator(desk).send(MODEL, to="/models/bench/promote", version="2", seen="1")
    assert "It failed: OSError: [Errno 28] No space left on device." in page
    assert "Traceback" not in page
    assert decisions(versions) == []


def test_the_ledger_stays_right_with_all_of_it(
    desk: str, versions: Bench, pixelgate: Command
) -> None:
    """`ledger verify` and `live --at` know the champion; other decisions are no reign."""
    ada, bob = Operator(desk), Operator(desk, "bob")
    wait_for_approval(versions, "3")
    ada.send(MODEL, to="/models/bench/run", reason="now")
    ada.hand_over("/models/bench/promote?version=3", "good")
    moment = datetime.now(UTC).isoformat()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    (request,) = waiting_requests(versions.config.paths)
    request.file.unlink()
    bob.http.post("/api/models/bench/runs", headers=headers, json={"who": "cron"})
    bob.hand_over(ROLLBACK, "bad")
    assert decisions(versions) == [
        ("ada (desk)", "run_now", None, "now"),
        ("ada (desk)", "promote", "3", "good"),
        ("cron (API)", "run_now", None, "asked for by a program"),
        ("bob (desk)", "rollback", "1", "bad"),
    ]
    assert verify_ledger(versions.store).champion == "1"
    assert [reign.version for reign in list_reigns(versions.store)] == ["1", "3", "1"]
    place = ("--name", "bench", "--home", versions.config.home)
    ended = pixelgate("ledger", "verify", *place, "--json")
    assert (ended.code, ended.json["champion"]) == (0, "1")
    live = pixelgate("live", "--at", moment, *place, "--json").json
    assert [(each["version"], each["who"]) for each in live] == [("3", "ada (desk)")]
    assert "asked for by a program" in ada.page(MODEL)


def test_a_damaged_ledger_stops_every_action(desk: str, versions: Bench) -> None:
    """Before anything is done that would belong there."""
    ledger = versions.store.ledger
    ledger.write_text(ledger.read_text("utf-8").replace("run run1", "run run2"), "utf-8")
    ada = Operator(desk)
    page = ada.send(MODEL, to="/models/bench/run", reason="now")
    assert "the entry in line 1 was changed since it was written" in page
    assert waiting_requests(versions.config.paths) == []
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert ada.http.post("/api/models/bench/runs", headers=right).status_code == 409


def test_approving_and_rolling_back_in_a_browser(
    browser: Browser, desk: str, versions: Bench
) -> None:
    """From the first screen: sign in, look, approve, look again, roll back, sign out."""
    wait_for_approval(versions, "3")
    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(desk)
    page.get_by_role("heading", name="bench").get_by_role("link").click()
    page.get_by_role("link", name="Sign in to act").click()
    page.get_by_label("your name").fill("Ada <Lovelace>")
    page.get_by_label("the desk's token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Approve version 3").click()
    heading = page.get_by_role("heading", name="Put into production: version 3 of bench?")
    expect(heading).to_have_count(1)
    page.get_by_label("reason").fill("the report is fine")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("status").get_by_text("Version 3 of bench is in production now").wait_for()
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)
    page.get_by_role("button", name="Roll back").click()
    page.get_by_label("reason").fill("it isn't")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("status").get_by_text("Version 1 of bench is in production now").wait_for()
    assert width_of(page) <= 390
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{desk}{MODEL}")
    expect(page.get_by_role("link", name="Sign in to act")).to_have_count(1)
    assert problems == []
    assert decisions(versions) == [
        ("Ada <Lovelace> (desk)", "promote", "3", "the report is fine"),
        ("Ada <Lovelace> (desk)", "rollback", "1", "it isn't"),
    ]
