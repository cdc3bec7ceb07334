"""What does every route need? The platform, the thing that the path names, the body, and the ways to answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aiohttp import web

from ..platform import Platform
from ..views import Json
from ..world import Addon, App
from . import paging
from .problems import ProblemError, bad_request, not_found

PLATFORM = web.AppKey("platform", Platform)


def platform(request: web.Request) -> Platform:
    return request.app[PLATFORM]


def the_app(request: web.Request) -> App:
    """The app in the path. Raises ProblemError 404."""
    if app := platform(request).world.app(request.match_info["app"]):
        return app
    raise not_found("app")


def the_addon(request: web.Request) -> Addon:
    """The add-on in the path, which must belong to the app in the path when there is one. Raises ProblemError 404."""
    addon = platform(request).world.addon(request.match_info["addon"])
    if addon is None or ("app" in request.match_info and addon.app != the_app(request).name):
        raise ProblemError(404, "not_found", "Couldn't find that add-on.")
    return addon


async def body(request: web.Request) -> Json:
    """The JSON object that was sent; empty when nothing was. Raises ProblemError 400."""
    text = await request.text()
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise bad_request("Unable to parse the JSON request body.") from error
    if not isinstance(found, dict):
        raise bad_request("The JSON request body must be an object.")
    return found


def words(request: web.Request, header: str) -> frozenset[str]:
    """The comma-separated words of a header."""
    return frozenset(word.strip() for word in request.headers.get(header, "").split(",") if word.strip())


def sdk(request: web.Request) -> bool:
    return "version=3.sdk" in request.headers.get("Accept", "")


def answer(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


def listing(
    request: web.Request, rows: Sequence[Json], sortable: Sequence[str] = ("id", "name", "updated_at"), key: str = "id"
) -> web.Response:
    """Answer a list, or the part of it that ``Range`` asks for."""
    wanted = paging.parse(request.headers.get("Range", ""), key=key, most=platform(request).options.page_size)
    page = paging.cut(rows, wanted, sortable)
    answered = answer(list(page.rows), 206 if page.next_range else 200)
    answered.headers["Accept-Ranges"] = ", ".join(sortable)
    answered.headers["Content-Range"] = page.content_range
    if page.next_range:
        answered.headers["Next-Range"] = page.next_range
    return answered


def identity_of(value: object) -> str:
    """The name or id in a body: Heroku takes ``"x"``, ``{"name": "x"}`` and ``{"id": "x"}``."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("name")
    return value if isinstance(value, str) else ""
