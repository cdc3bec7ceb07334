"""Routes of logs: drains, log sessions, and the event stream that a session's URL leads to."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from aiohttp import web

from .. import views
from ..logplex.channel import TAIL_LINES
from ..logplex.wire import Message
from ..platform import LogSession
from ..world import App, Drain, now
from .context import answer, body, listing, platform, the_app
from .problems import ProblemError, invalid, not_found

routes = web.RouteTableDef()
SESSION_SECONDS = 360.0
DEFAULT_LINES = 100


@routes.get("/apps/{app}/log-drains")
async def list_drains(request: web.Request) -> web.Response:
    app = the_app(request)
    return listing(request, [views.drain(one, app) for one in app.drains], ("id", "updated_at"))


@routes.get("/apps/{app}/log-drains/{drain}")
async def show_drain(request: web.Request) -> web.Response:
    app = the_app(request)
    return answer(views.drain(_drain(request, app), app))


@routes.post("/apps/{app}/log-drains")
async def add_drain(request: web.Request) -> web.Response:
    """Only HTTP drains; Heroku's other kind, syslog over TLS, is refused."""
    app, url = the_app(request), str((await body(request)).get("url") or "")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise invalid("Url is invalid; this rehearsal delivers to http:// and https:// drains.")
    if any(one.url == url for one in app.drains):
        raise invalid("Url has already been taken.")
    return answer(views.drain(platform(request).add_drain(app, url), app), 201)


@routes.delete("/apps/{app}/log-drains/{drain}")
async def remove_drain(request: web.Request) -> web.Response:
    app = the_app(request)
    drain = _drain(request, app)
    await platform(request).remove_drain(app, drain)
    return answer(views.drain(drain, app))


def _drain(request: web.Request, app: App) -> Drain:
    for drain in app.drains:
        if request.match_info["drain"] in (drain.id, drain.token, drain.url):
            return drain
    raise not_found("drain")


@routes.post("/apps/{app}/log-sessions")
async def open_session(request: web.Request) -> web.Response:
    app, asked, here = the_app(request), await body(request), platform(request)
    lines = str(asked.get("lines") or DEFAULT_LINES)
    identity, at = here.world.names.uuid(), views.stamp(now())
    ticket = secrets.token_urlsafe(24)
    here.sessions[ticket] = LogSession(
        app=app.name,
        dyno=str(asked.get("dyno") or asked.get("dyno_name") or asked.get("type") or ""),
        source=str(asked.get("source") or ""),
        lines=min(int(lines), TAIL_LINES) if lines.isdigit() else DEFAULT_LINES,
        tail=bool(asked.get("tail")),
        expires=here.monotonic() + SESSION_SECONDS,
    )
    url = f"{here.api_url}/_logplex/sessions/{ticket}"
    return answer({"created_at": at, "id": identity, "logplex_url": url, "updated_at": at}, 201)


@routes.get("/_logplex/sessions/{ticket}")
async def stream(request: web.Request) -> web.StreamResponse:
    """The lines of a session as server-sent events, which is the only form that the official CLI takes."""
    here = platform(request)
    session = here.sessions.get(request.match_info["ticket"])
    if session is None or session.expires < here.monotonic():
        raise ProblemError(404, "not_found", "No such log session.")
    channel = here.channels[session.app]
    answered = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await answered.prepare(request)
    async with channel.follow() as fresh:
        chosen = [message for message in channel.tail if _wanted(message, session)]
        for message in chosen[len(chosen) - session.lines :] if session.lines < len(chosen) else chosen:
            await answered.write(_event(message))
        while session.tail:
            message = await fresh.get()
            if _wanted(message, session):
                await answered.write(_event(message))
    await answered.write_eof()
    return answered


def _event(message: Message) -> bytes:
    """One line as an event; its number lets a reader that comes back see what it has."""
    return f"id: {message.number}\ndata: {message.rendered()}\n\n".encode()


def _wanted(message: Message, session: LogSession) -> bool:
    if session.source and message.source != session.source:
        return False
    return not session.dyno or message.process == session.dyno or message.process.startswith(f"{session.dyno}.")
