"""Routes around an app: its certificates, features and webhooks; Private Spaces and review apps, of which a rehearsal has none."""

from __future__ import annotations

from aiohttp import web

from .. import catalogue, views
from ..certificates import Served
from ..world import App
from .context import answer, listing, platform, the_app
from .problems import not_found

routes = web.RouteTableDef()


def _served(request: web.Request, app: App) -> Served | None:
    hosts = tuple(sorted(domain.hostname for domain in app.domains if domain.cname))
    return platform(request).certificates.of(app.name, hosts) if hosts else None


@routes.get("/apps/{app}/sni-endpoints")
async def list_endpoints(request: web.Request) -> web.Response:
    app = the_app(request)
    served = _served(request, app)
    return listing(request, [views.endpoint(served, app)] if served else [], ("id", "name"))


@routes.get("/apps/{app}/sni-endpoints/{endpoint}")
async def show_endpoint(request: web.Request) -> web.Response:
    app = the_app(request)
    served = _served(request, app)
    if served is None or request.match_info["endpoint"] not in (views.endpoint_id(app), views.endpoint_name(app)):
        raise not_found("sni endpoint")
    return answer(views.endpoint(served, app))


@routes.get("/apps/{app}/features")
async def list_features(request: web.Request) -> web.Response:
    app = the_app(request)
    return listing(request, [views.feature(name, app) for name in catalogue.FEATURES], ("id", "name"))


@routes.get("/apps/{app}/features/{feature}")
async def show_feature(request: web.Request) -> web.Response:
    app, wanted = the_app(request), request.match_info["feature"]
    for name in catalogue.FEATURES:
        if wanted in (name, str(catalogue.stable_id("feature", name))):
            return answer(views.feature(name, app))
    raise not_found("feature")


@routes.get("/apps/{app}/webhooks")
async def list_webhooks(request: web.Request) -> web.Response:
    the_app(request)
    return answer([])


@routes.get("/spaces")
async def list_spaces(_: web.Request) -> web.Response:
    return answer([])


@routes.get("/pipelines/{pipeline}/review-apps")
async def list_review_apps(request: web.Request) -> web.Response:
    if not any(request.match_info["pipeline"] in (one.id, one.name) for one in platform(request).world.pipelines):
        raise not_found("pipeline")
    return answer([])
