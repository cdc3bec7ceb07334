"""Routes of what runs: formation, dynos and their sizes."""

from __future__ import annotations

from aiohttp import web

from .. import catalogue, views
from ..views import Json
from ..world import App, FormationRow
from .context import answer, body, identity_of, listing, platform, sdk, the_app
from .problems import ProblemError, bad_request, invalid, not_found

routes = web.RouteTableDef()
MOST_DYNOS = 100


@routes.get("/apps/{app}/formation")
async def list_formation(request: web.Request) -> web.Response:
    app = the_app(request)
    return listing(
        request, [views.formation(row, app) for row in app.formation.values()], ("id", "type", "updated_at"), "type"
    )


@routes.get("/apps/{app}/formation/{type}")
async def show_formation(request: web.Request) -> web.Response:
    app = the_app(request)
    return answer(views.formation(_row(app, request.match_info["type"]), app))


@routes.patch("/apps/{app}/formation")
async def change_formation(request: web.Request) -> web.Response:
    """Several process types at once; all of them or none."""
    app, updates = the_app(request), (await body(request)).get("updates")
    if not isinstance(updates, list) or not all(isinstance(update, dict) for update in updates):
        raise bad_request("Require params: updates.")
    _change(request, app, [(_row(app, identity_of(update.get("type"))), update) for update in updates])
    return answer([views.formation(row, app) for row in app.formation.values()])


@routes.patch("/apps/{app}/formation/{type}")
async def change_one(request: web.Request) -> web.Response:
    app = the_app(request)
    row = _row(app, request.match_info["type"])
    _change(request, app, [(row, await body(request))])
    return answer(views.formation(row, app))


def _change(request: web.Request, app: App, updates: list[tuple[FormationRow, Json]]) -> None:
    wanted = [(row, *_wanted(row, update)) for row, update in updates]
    resized = {row.type for row, _, size in wanted if row.size != size and row.quantity}
    for row, quantity, size in wanted:
        row.quantity, row.size = quantity, size
    here = platform(request)
    here.scale(app, [row for row, _, _ in wanted])
    crew = here.crews[app.name]
    crew.restart([name for name, place in crew.places.items() if place.type in resized])


def _wanted(row: FormationRow, update: Json) -> tuple[int, str]:
    """The quantity, which the CLI sends as text, and the size that an update asks for."""
    quantity, size = row.quantity, row.size
    if update.get("quantity") is not None:
        text = str(update["quantity"])
        quantity = int(text) if text.isdigit() else -1
        if not 0 <= quantity <= MOST_DYNOS:
            raise invalid(f"Invalid quantity: {text}.")
    if asked := identity_of(update.get("dyno_size") or update.get("size")):
        found = catalogue.size(asked)
        if found is None or found.private:
            raise invalid(f"No such size as {asked}.")
        size = found.name
    return quantity, size


def _row(app: App, identity: str) -> FormationRow:
    for row in app.formation.values():
        if identity in (row.type, row.id):
            return row
    raise not_found("process type")


@routes.get("/apps/{app}/dynos")
async def list_dynos(request: web.Request) -> web.Response:
    app = the_app(request)
    dynos = platform(request).crews[app.name].dynos()
    return listing(request, [views.dyno(dyno, app, sdk=sdk(request)) for dyno in dynos], ("id", "name", "updated_at"))


@routes.get("/apps/{app}/dynos/{dyno}")
async def show_dyno(request: web.Request) -> web.Response:
    app = the_app(request)
    for dyno in platform(request).crews[app.name].dynos():
        if request.match_info["dyno"] in (dyno.name, dyno.plan.id):
            return answer(views.dyno(dyno, app, sdk=sdk(request)))
    raise not_found("dyno")


@routes.post("/apps/{app}/dynos")
async def run_dyno(request: web.Request) -> web.Response:
    """A one-off dyno: detached, its output in the log, or attached, to be met at its ``attach_url``."""
    app, asked, here = the_app(request), await body(request), platform(request)
    command = asked.get("command")
    if not isinstance(command, str) or not command:
        raise bad_request("Require params: command.")
    if app.slug is None:
        raise invalid("Cannot run a dyno: the app has no code yet.")
    given = asked.get("env")
    env = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    size = catalogue.size(identity_of(asked.get("size")) or "Standard-1X")
    if size is None:
        raise invalid("No such dyno size.")
    here.channels[app.name].api(f"Starting process with command `{command}` by user {here.user}")
    dyno = await here.crews[app.name].once(
        "run", command, env=env, size=size.name, meet=here.rendezvous if asked.get("attach") else None
    )
    return answer(views.dyno(dyno, app, sdk=sdk(request)), 201)


@routes.delete("/apps/{app}/dynos")
async def restart_all(request: web.Request) -> web.Response:
    platform(request).crews[the_app(request).name].restart()
    return answer({}, 202)


@routes.delete("/apps/{app}/formations/{type}")
async def restart_type(request: web.Request) -> web.Response:
    crew = platform(request).crews[the_app(request).name]
    crew.restart([name for name, place in crew.places.items() if place.type == request.match_info["type"]])
    return answer({}, 202)


@routes.delete("/apps/{app}/dynos/{dyno}")
async def restart_one(request: web.Request) -> web.Response:
    """Restart a dyno of the formation, or every dyno of a type when a type is named; stop a one-off dyno."""
    crew, name = platform(request).crews[the_app(request).name], request.match_info["dyno"]
    places = [place.name for place in crew.places.values() if name in (place.name, place.type)]
    if places:
        crew.restart(places)
    elif name in crew.one_off:
        crew.one_off[name].terminate()
    else:
        raise not_found("dyno")
    return answer({}, 202)


@routes.post("/apps/{app}/dynos/{dyno}/actions/stop")
async def stop_one(request: web.Request) -> web.Response:
    crew, name = platform(request).crews[the_app(request).name], request.match_info["dyno"]
    if name in crew.places:
        crew.restart([name])
    elif name in crew.one_off:
        crew.one_off[name].terminate()
    else:
        raise not_found("dyno")
    return answer({}, 202)


@routes.get("/dyno-sizes")
async def list_sizes(request: web.Request) -> web.Response:
    return listing(request, [views.dyno_size(size) for size in catalogue.SIZES], ("id", "name"))


@routes.get("/apps/{app}/available-dyno-sizes")
async def list_app_sizes(request: web.Request) -> web.Response:
    the_app(request)
    return listing(request, [views.dyno_size(size) for size in catalogue.SIZES if not size.private], ("id", "name"))


@routes.get("/dyno-sizes/{size}")
async def show_size(request: web.Request) -> web.Response:
    size = catalogue.size(request.match_info["size"])
    if size is None:
        raise ProblemError(404, "not_found", "Couldn't find that dyno size.")
    return answer(views.dyno_size(size))
