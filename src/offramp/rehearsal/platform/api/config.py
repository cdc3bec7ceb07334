"""Routes of config vars and releases."""

from __future__ import annotations

from aiohttp import web

from .. import views
from ..world import App, Release, changed
from .context import answer, body, listing, platform, the_app
from .problems import bad_request, invalid, not_found

routes = web.RouteTableDef()


@routes.get("/apps/{app}/config-vars")
async def show_config(request: web.Request) -> web.Response:
    return answer(platform(request).world.config(the_app(request)))


@routes.patch("/apps/{app}/config-vars")
async def change_config(request: web.Request) -> web.Response:
    """Set variables, or remove those that are null. A change makes one release and restarts every dyno."""
    app, asked, here = the_app(request), await body(request), platform(request)
    owned = here.world.attached_config(app)
    if clash := [name for name in asked if name in owned and asked[name] != owned[name]]:
        raise invalid(f"Cannot overwrite attachment values {', '.join(sorted(clash))}.")
    before, after = dict(app.config), dict(app.config)
    for name, value in asked.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, str):
            if name not in owned:
                after[name] = value
        else:
            raise invalid(f"Config var {name} must be a string or null.")
    put, removed = changed(before, after)
    if put or removed:
        app.config = after
        parts = [
            f"{verb} {', '.join(names)} config vars" for verb, names in (("Set", put), ("Remove", removed)) if names
        ]
        here.releases.create(app, "; ".join(parts), by=here.user)
    return answer(here.world.config(app))


@routes.get("/apps/{app}/releases/{release}/config-vars")
async def show_release_config(request: web.Request) -> web.Response:
    return answer(_release(the_app(request), request.match_info["release"]).config)


@routes.get("/apps/{app}/releases")
async def list_releases(request: web.Request) -> web.Response:
    app, world = the_app(request), platform(request).world
    rows = [views.release(release, app, world) for release in app.releases]
    return listing(request, rows, ("id", "version"), "version")


@routes.get("/apps/{app}/releases/{release}")
async def show_release(request: web.Request) -> web.Response:
    app = the_app(request)
    return answer(views.release(_release(app, request.match_info["release"]), app, platform(request).world))


@routes.post("/apps/{app}/releases")
async def create_release(request: web.Request) -> web.Response:
    """Release a slug that is known already, or roll back to an earlier release."""
    app, asked, here = the_app(request), await body(request), platform(request)
    if isinstance(asked.get("release"), str):
        earlier = _release(app, str(asked["release"]))
        app.config = {
            name: value for name, value in earlier.config.items() if name not in here.world.attached_config(app)
        }
        slug, words = earlier.slug, f"Rollback to v{earlier.version}"
    elif isinstance(asked.get("slug"), str):
        slug = next((one.slug for one in app.releases if one.slug and one.slug.id == asked["slug"]), None)
        words = str(asked.get("description") or "Deployed")
    else:
        raise bad_request("Require params: slug or release.")
    if slug is None:
        raise not_found("slug")
    return answer(views.release(here.releases.create(app, words, by=here.user, slug=slug), app, here.world), 201)


def _release(app: App, identity: str) -> Release:
    wanted = identity.removeprefix("v")
    for release in app.releases:
        if identity == release.id or wanted == str(release.version):
            return release
    raise not_found("release")
