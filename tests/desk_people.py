"""A desk that is served over HTTP in this process, and somebody who uses it without a browser."""

from __future__ import annotations

import contextlib
import html
import re
import threading
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from deployments.desk.app import create_app
from tests.processes import free_ports, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.storage.home import Home

TOKEN = "the desk's token"  # noqa: S105 - of tests


@contextlib.contextmanager
def served_desk(home: Home, *, token: str | None = None) -> Iterator[str]:
    """Serve the desk of a home; yield its address.

    Args:
        home: whose token file gets the tests' token.
        token: asked for by every page; None as on this machine.
    """
    home.desk_token.parent.mkdir(parents=True, exist_ok=True)
    home.desk_token.write_text(TOKEN, "utf-8")
    (port,) = free_ports(1)
    app = create_app(home, token=token)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=30, what="the desk")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


class Operator:
    """Somebody at the desk, who sends the forms of its pages as a browser does.

    Args:
        url: of the desk.
        name: to sign in with; None stays outside.
    """

    def __init__(self, url: str, name: str | None = "ada") -> None:
        self.http = httpx.Client(base_url=url, headers={"Origin": url}, timeout=120)
        if name is not None:
            answer = self.http.post("/login", data={"token": TOKEN, "name": name, "onward": "/"})
            assert answer.status_code == 303, answer.text

    def page(self, path: str) -> str:
        """Return a page as a person reads it."""
        return html.unescape(self.http.get(path, follow_redirects=True).text)

    def form_token(self, path: str) -> str:
        """Return a token of a form on a page."""
        found = re.search(r'name="form_token" value="([^"]+)"', self.http.get(path).text)
        assert found is not None, path
        return found[1]

    def send(self, path: str, *, to: str, **fields: Any) -> str:
        """Send a form of a page, and return the page that the answer leads to."""
        data = {"form_token": self.form_token(path), "reason": "a test", **fields}
        answer = self.http.post(to, data=data)
        assert answer.status_code == 303, answer.text
        return self.page(answer.headers["Location"])

    def hand_over(self, path: str, reason: str) -> str:
        """Confirm a change of champion on its page, and return the page after it."""
        text = self.http.get(path).text
        action = re.search(r'<form method="post" action="(/models/[^"]+)"', text)
        assert action is not None, text
        return self.send(path, to=action[1], **hidden(text), reason=reason)


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page that asks before a change of champion."""
    return dict(re.findall(r'type="hidden" name="(version|seen)" value="([^"]*)"', page))
