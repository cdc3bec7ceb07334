"""Routes of the account and of what all customers share: pipelines, regions, stacks."""

from __future__ import annotations

from aiohttp import web

from .. import catalogue, views
from ..world import Pipeline
from .context import answer, listing, platform, the_app
from .problems import not_found

routes = web.RouteTableDef()


@routes.get("/account")
@routes.get("/users/~")
async def show_account(request: web.Request) -> web.Response:
    return answer(views.account(platform(request).world.account))


@routes.get("/account/rate-limits")
async def show_rate_limit(request: web.Request) -> web.Response:
    return answer({"remaining": platform(request).bucket.remaining})


@routes.get("/teams")
async def list_teams(request: web.Request) -> web.Response:
    """The account is a person's own, in no team."""
    return answer([])


@routes.get("/pipelines")
async def list_pipelines(request: web.Request) -> web.Response:
    """All, or those of one name (``eq[name]``)."""
    here, name = platform(request), request.query.get("eq[name]")
    chosen = [one for one in here.world.pipelines if name is None or one.name == name]
    return listing(request, [views.pipeline(one, here.world) for one in chosen])


@routes.get("/pipelines/{pipeline}")
async def show_pipeline(request: web.Request) -> web.Response:
    return answer(views.pipeline(_pipeline(request), platform(request).world))


@routes.get("/pipelines/{pipeline}/pipeline-couplings")
async def list_pipeline_couplings(request: web.Request) -> web.Response:
    of = _pipeline(request)
    return listing(
        request, [views.coupling(one) for one in platform(request).world.couplings if one.pipeline is of], ("id",)
    )


@routes.get("/pipeline-couplings")
@routes.get("/users/~/pipeline-couplings")
async def list_couplings(request: web.Request) -> web.Response:
    return listing(request, [views.coupling(one) for one in platform(request).world.couplings], ("id",))


@routes.get("/pipeline-couplings/{coupling}")
async def show_coupling(request: web.Request) -> web.Response:
    for one in platform(request).world.couplings:
        if one.id == request.match_info["coupling"]:
            return answer(views.coupling(one))
    raise not_found("pipeline coupling")


@routes.get("/apps/{app}/pipeline-couplings")
async def show_app_coupling(request: web.Request) -> web.Response:
    app = the_app(request)
    for one in platform(request).world.couplings:
        if one.app is app:
            return answer(views.coupling(one))
    raise not_found("pipeline coupling")


def _pipeline(request: web.Request) -> Pipeline:
    for one in platform(request).world.pipelines:
        if request.match_info["pipeline"] in (one.id, one.name):
            return one
    raise not_found("pipeline")


@routes.get("/regions")
async def list_regions(request: web.Request) -> web.Response:
    return listing(request, [views.region(*row) for row in catalogue.REGIONS], ("id", "name"))


@routes.get("/regions/{region}")
async def show_region(request: web.Request) -> web.Response:
    for row in catalogue.REGIONS:
        if request.match_info["region"] in (row[0], str(catalogue.stable_id("region", row[0]))):
            return answer(views.region(*row))
    raise not_found("region")


@routes.get("/stacks")
async def list_stacks(request: web.Request) -> web.Response:
    return listing(request, [views.stack(name) for name in catalogue.STACKS], ("id", "name"))


@routes.get("/stacks/{stack}")
async def show_stack(request: web.Request) -> web.Response:
    for name in catalogue.STACKS:
        if request.match_info["stack"] in (name, str(catalogue.stable_id("stack", name))):
            return answer(views.stack(name))
    raise not_found("stack")
