"""What people do at the desk: a form that was sent goes in; an action, and a page that says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from deployments.desk.csrf import SentForm, SignInNeededError, read_form
from deployments.desk.run_api import add_run_api
from deployments.desk.sessions import CURRENT, PAGE, Notice, Session, Sessions
from deployments.desk.sign_in import add_sign_in, require_session
from deployments.installation.secret_files import desk_token
from tasks.errors import PixelgateError, UsageError
from tasks.monitoring import actions
from tasks.monitoring.actions import Decider
from tasks.monitoring.open_actions import acceptance_of, open_actions
from tasks.monitoring.planned_change import PlannedChange, plan_promotion, plan_rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployments.desk.rendering import Templates
    from tasks.monitoring.model_status import ModelStatus
    from tasks.monitoring.open_actions import Acceptance, OpenActions
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

Form = Annotated[SentForm, Depends(read_form)]

log = logging.getLogger("pixelgate")


class Shown(Protocol):
    """What the desk knows of its models."""

    home: Home

    def status(self, name: str) -> tuple[ModelStatus, list[RunSummary]]:
        """Return a model's status and runs."""

    def run(self, run_id: str) -> RunSummary:
        """Return a run's summary."""


def add_actions(
    app: FastAPI,
    desk: Shown,
    templates: Templates,
    *,
    answer: Callable[..., Response],
    token: str | None,
) -> None:
    """Let an application act for whoever knows the token.

    Args:
        app: changed.
        desk: finds models and runs.
        templates: they get what forms need.
        answer: makes an answer of a page.
        token: the desk's; None reads it from its file when it is first asked for.
    """
    sessions = Sessions(lambda: token or desk_token(desk.home), app.state.attempts)
    offers = Offers(desk)
    render = templates.extend(
        session=CURRENT.get,
        form_token=lambda: _signed_in().form_token(),
        notices=lambda: _signed_in().take_notices(PAGE.get()),
        actions_on_model=offers.on_model,
        actions_on_run=offers.on_run,
    )
    add_sign_in(app, sessions, render=render, answer=answer)
    add_run_api(app, desk.home, sessions, is_known=offers.is_known)
    routes = ActionRoutes(desk, render=render, answer=answer)
    for path, endpoint in {
        "/models/{name}/run": routes.run_now,
        "/models/{name}/approve": routes.approve,
        "/models/{name}/promote": routes.promote,
        "/models/{name}/rollback": routes.roll_back,
        "/models/{name}/quarantine": routes.clear_quarantine,
        "/runs/{run_id}/accept": routes.accept,
    }.items():
        app.add_api_route(path, endpoint, methods=["POST"])
    app.add_api_route("/models/{name}/promote", routes.confirm_promotion, methods=["GET"])
    app.add_api_route("/models/{name}/rollback", routes.confirm_rollback, methods=["GET"])


class Offers:
    """What the pages of models and runs offer.

    Args:
        desk: finds models and runs.
    """

    def __init__(self, desk: Shown) -> None:
        self._desk = desk

    def on_model(self, name: str) -> OpenActions:
        """Return what can be done about a model."""
        status, runs = self._desk.status(name)
        return open_actions(self._desk.home.renamed(name), status, runs)

    def on_run(self, run: RunSummary) -> Acceptance:
        """Return whether the data of a run can be accepted."""
        return acceptance_of(self._desk.home.renamed(run.name or self._desk.home.name), run)

    def is_known(self, name: str) -> bool:
        """Return whether there is a model: it has runs or decisions, or `up` retrains it."""
        try:
            self._desk.status(name)
        except HTTPException:
            return False
        return True


class ActionRoutes:
    """The addresses of forms, and of the pages that ask before a change of champion.

    Args:
        desk: finds models and runs.
        render: returns a page by the name of its template.
        answer: makes an answer of it.
    """

    def __init__(
        self, desk: Shown, *, render: Callable[..., str], answer: Callable[..., Response]
    ) -> None:
        self._desk, self._render, self._answer = desk, render, answer

    def confirm_promotion(self, request: Request, name: str, version: str = "") -> Response:
        """Show what a promotion would change."""
        return self._confirm(request, name, "promote", lambda home: plan_promotion(home, version))

    def confirm_rollback(self, request: Request, name: str, to: str = "") -> Response:
        """Show what a rollback would change."""
        return self._confirm(
            request, name, "rollback", lambda home: plan_rollback(home, to.strip() or None)
        )

    def run_now(self, form: Form, name: str) -> Response:
        """Ask for a run."""
        home = self._home(name)

        def act() -> str:
            request, is_new = actions.run_now(home, _decider(form))
            if is_new:
                return f"A run of {name} was asked for. It waits to start."
            return f"A run of {name} waits to start already: {request.who} asked for it."

        return _perform(form, _page(name), act)

    def approve(self, form: Form, name: str) -> Response:
        """Promote the version that waits."""
        return self._hand_over(form, name, actions.approve)

    def promote(self, form: Form, name: str) -> Response:
        """Promote a version."""
        return self._hand_over(form, name, actions.promote)

    def roll_back(self, form: Form, name: str) -> Response:
        """Return to a version."""
        return self._hand_over(form, name, actions.roll_back)

    def clear_quarantine(self, form: Form, name: str) -> Response:
        """Use files again that were left out."""
        home = self._home(name)

        def act() -> str:
            files: Sequence[str] = form.all("file")
            if bool(files) == bool(form.get("everything")):
                raise UsageError("Choose files, or all of them.")
            cleared = actions.clear_quarantine(home, files, _decider(form))
            return f"{len(cleared):,} files cleared; they are back in the next run."

        return _perform(form, _page(name), act)

    def accept(self, form: Form, run_id: str) -> Response:
        """Accept data that the gate rejected."""
        run = self._desk.run(run_id)
        home = self._home(run.name or self._desk.home.name)

        def act() -> str:
            override = actions.accept(home, run_id, _decider(form))
            return (
                f"Accepted: {', '.join(override.rules)} will not stop this data again. The next"
                " run trains on it."
            )

        return _perform(form, f"/runs/{quote(run_id, safe='')}", act)

    def _hand_over(self, form: Form, name: str, change: Callable[..., Any]) -> Response:
        home = self._home(name)

        def act() -> str:
            seen = form.get("seen") or None
            done = change(home, form.get("version"), _decider(form), seen=seen)
            if done.version == done.before:
                return f"Version {done.version} is in production already; nothing was changed."
            before = f"; before: version {done.before}" if done.before else ""
            return f"Version {done.version} of {name} is in production now{before}."

        return _perform(form, _page(name), act)

    def _confirm(
        self, request: Request, name: str, action: str, plan: Callable[[Home], PlannedChange]
    ) -> Response:
        home = self._home(name)
        if CURRENT.get() is None:
            return require_session(request)
        try:
            planned = plan(home)
        except Exception as error:  # noqa: BLE001 - whatever a store of others raises is said
            _signed_in().tell(_problem(_page(name), error))
            return RedirectResponse(_page(name), 303)
        waiting = self._desk.status(name)[0].waiting
        is_approval = action == "promote" and planned.version in waiting
        return self._answer(
            self._render(
                "confirm",
                model=name,
                planned=planned,
                action="approve" if is_approval else action,
                verb="Roll back to" if action == "rollback" else "Put into production:",
            )
        )

    def _home(self, name: str) -> Home:
        self._desk.status(name)
        return self._desk.home.renamed(name)


def _perform(form: SentForm, back: str, act: Callable[[], str]) -> Response:
    """Act once, and return to a page that says what came of it."""
    session = form.session
    with session.lock:
        if not form.is_repeated:
            try:
                session.tell(Notice(back, act()))
            except Exception as error:  # noqa: BLE001 - the page says it, the log has the traceback
                session.tell(_problem(back, error))
        elif not session.has_notices():
            text = "This form was sent before, and counted once."
            session.tell(Notice(back, text, is_problem=True))
    # So that loading the page again doesn't send the form again.
    return RedirectResponse(back, 303)


def _problem(page: str, error: Exception) -> Notice:
    if isinstance(error, PixelgateError):
        return Notice(page, str(error), is_problem=True)
    log.error("an action at the desk failed", exc_info=error)
    words = f"{type(error).__name__}: {error}".splitlines()[0]
    return Notice(
        page,
        f"It failed: {words}. Look at what is in production before you try again; a change that"
        " was cut short is finished or taken back by the next one.",
        is_problem=True,
    )


def _decider(form: SentForm) -> Decider:
    return Decider(form.session.who, " ".join(form.get("reason").split()))


def _signed_in() -> Session:
    session = CURRENT.get()
    if session is None:
        raise SignInNeededError
    return session


def _page(name: str) -> str:
    return f"/models/{quote(name, safe='')}"
