"""The address where a run in progress is followed: server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from tasks.monitoring.live_progress import ProgressFollower, end_of, is_live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deployments.desk.desk_state import Desk
    from tasks.monitoring.live_progress import ProgressEvent

POLL_SECONDS = 0.5
# Whether a run has ended costs more to find out than whether a file has grown.
END_SECONDS = 2.0
# Proxies close what is silent for a minute.
HEARTBEAT_SECONDS = 15.0
# Then the browser asks again, from where it was: no connection is kept for ever.
LONGEST_SECONDS = 3600.0


def event_router(desk: Desk) -> APIRouter:
    """Return the route of events."""
    router = APIRouter()

    @router.get("/runs/{run_id}/events")
    async def follow(run_id: str, request: Request) -> Response:
        await run_in_threadpool(desk.run, run_id)
        seen = _number(request.headers.get("last-event-id", ""))
        stream = Stream(desk, run_id, seen)
        first = await run_in_threadpool(stream.news)
        if stream.is_over and not first:
            # What tells a browser not to ask again.
            return Response(status_code=204)
        return StreamingResponse(
            stream.lines(first), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    return router


class Stream:
    """What one reader is sent of a run.

    Args:
        desk: knows the run.
        run_id: names it.
        seen: number of the last event that the reader has.
    """

    def __init__(self, desk: Desk, run_id: str, seen: int) -> None:
        self._desk, self._run_id, self._seen = desk, run_id, seen
        self._follower = ProgressFollower(desk.run(run_id).directory)
        self._asked = 0.0
        self.is_over = False

    def news(self) -> list[ProgressEvent]:
        """Return the events that the reader doesn't have yet."""
        ended = None
        if time.monotonic() - self._asked >= END_SECONDS:
            # Asked before the file is read, so that nothing is written in between.
            run = self._desk.run(self._run_id)
            ended = None if is_live(self._desk.index, run) else run
            self._asked = time.monotonic()
        events = self._follower.read()
        if ended is not None:
            self.is_over = True
            events.append(end_of(ended, self._follower.count + 1))
        return [event for event in events if event.number > self._seen]

    async def lines(self, news: list[ProgressEvent]) -> AsyncIterator[str]:
        """Yield events as they come, until the run ends."""
        started = spoke = time.monotonic()
        # In milliseconds, after which a browser asks again when the connection is lost.
        yield "retry: 3000\n\n"
        while True:
            for event in news:
                yield _written(event)
            now = time.monotonic()
            if self.is_over or now - started > LONGEST_SECONDS:
                return
            if news:
                spoke = now
            elif now - spoke > HEARTBEAT_SECONDS:
                yield ": alive\n\n"
                spoke = now
            await asyncio.sleep(POLL_SECONDS)
            news = await run_in_threadpool(self.news)


def _written(event: ProgressEvent) -> str:
    return f"id: {event.number}\nevent: {event.kind}\ndata: {json.dumps(event.content)}\n\n"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
