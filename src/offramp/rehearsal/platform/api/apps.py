"""Routes of an app itself: apps, collaborators, domains, buildpacks, slugs."""

from __future__ import annotations

from aiohttp import web

from .. import views
from ..views import Json
from ..world import App, Domain, now
from .context import answer, body, listing, platform, the_app
from .problems import invalid, not_found

routes = web.RouteTableDef()


def _apps(request: web.Request) -> list[Json]:
    world = platform(request).world
    return [views.app(app, world) for app in world.apps.values()]


@routes.get("/apps")
@routes.get("/users/{account}/apps")
async def list_apps(request: web.Request) -> web.Response:
    return listing(request, _apps(request))


@routes.post("/filters/apps")
async def filter_apps(request: web.Request) -> web.Response:
    """Apps by a list of ids, which is how the CLI fills a pipeline's page."""
    wanted = (await body(request)).get("in")
    ids = wanted.get("id", []) if isinstance(wanted, dict) else []
    return listing(request, [app for app in _apps(request) if app["id"] in ids])


@routes.get("/apps/{app}")
async def show_app(request: web.Request) -> web.Response:
    return answer(views.app(the_app(request), platform(request).world))


@routes.patch("/apps/{app}")
async def change_app(request: web.Request) -> web.Response:
    """Maintenance mode; other changes of an app are refused, so that nobody believes they happened."""
    app, asked, here = the_app(request), await body(request), platform(request)
    if unknown := set(asked) - {"maintenance"}:
        raise invalid(f"This rehearsal cannot change {', '.join(sorted(unknown))} of an app.")
    if "maintenance" in asked:
        if not isinstance(asked["maintenance"], bool):
            raise invalid("Invalid value for maintenance.")
        if app.maintenance != asked["maintenance"]:
            app.maintenance, app.updated = asked["maintenance"], now()
            here.channels[app.name].api(
                f"{'Enable' if app.maintenance else 'Disable'} maintenance mode by user {here.user}"
            )
    return answer(views.app(app, here.world))


@routes.get("/apps/{app}/collaborators")
async def list_collaborators(request: web.Request) -> web.Response:
    return listing(request, [views.collaborator(the_app(request), platform(request).world)], ("id", "updated_at"))


@routes.get("/apps/{app}/buildpack-installations")
async def list_buildpacks(request: web.Request) -> web.Response:
    return answer(views.buildpacks(the_app(request)))


@routes.get("/apps/{app}/slugs/{slug}")
async def show_slug(request: web.Request) -> web.Response:
    app = the_app(request)
    for release in app.releases:
        if release.slug and release.slug.id == request.match_info["slug"]:
            return answer(views.slug(release.slug, app))
    raise not_found("slug")


@routes.get("/apps/{app}/domains")
async def list_domains(request: web.Request) -> web.Response:
    app = the_app(request)
    return listing(request, [views.domain(one, app) for one in app.domains], ("id", "hostname"))


@routes.get("/apps/{app}/domains/{domain}")
async def show_domain(request: web.Request) -> web.Response:
    app = the_app(request)
    return answer(views.domain(_domain(request, app), app))


@routes.post("/apps/{app}/domains")
async def add_domain(request: web.Request) -> web.Response:
    app, hostname = the_app(request), str((await body(request)).get("hostname", "")).lower()
    if not hostname or "." not in hostname:
        raise invalid("Hostname is not a valid domain name.")
    if platform(request).world.app_for_host(hostname):
        raise invalid(f"{hostname} is currently in use by another app.")
    return answer(views.domain(platform(request).add_domain(app, hostname), app), 201)


@routes.delete("/apps/{app}/domains/{domain}")
async def remove_domain(request: web.Request) -> web.Response:
    app = the_app(request)
    domain = _domain(request, app)
    if domain.cname is None:
        raise invalid("Cannot remove the app's own Heroku domain.")
    app.domains.remove(domain)
    return answer(views.domain(domain, app))


def _domain(request: web.Request, app: App) -> Domain:
    identity = request.match_info["domain"]
    for domain in app.domains:
        if identity in (domain.id, domain.hostname):
            return domain
    raise not_found("domain")
