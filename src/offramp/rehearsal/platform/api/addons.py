"""Routes of add-ons, their attachments, and what can be bought."""

from __future__ import annotations

from aiohttp import web

from .. import catalogue, views
from ..views import Json
from ..world import Addon, Attachment
from .context import answer, body, identity_of, listing, platform, the_addon, the_app, words
from .problems import ProblemError, bad_request, invalid, not_found

routes = web.RouteTableDef()


def _addons(request: web.Request, chosen: list[Addon]) -> web.Response:
    world, expand = platform(request).world, words(request, "Accept-Expansion")
    return listing(request, [views.addon(addon, world, expand=expand) for addon in chosen])


def _attachments(request: web.Request, chosen: list[Attachment]) -> web.Response:
    return listing(request, [_attachment(request, one) for one in chosen])


def _attachment(request: web.Request, one: Attachment) -> Json:
    return views.attachment(one, platform(request).world, include=words(request, "Accept-Inclusion"))


@routes.get("/addons")
@routes.get("/users/{account}/addons")
async def list_addons(request: web.Request) -> web.Response:
    return _addons(request, list(platform(request).world.addons.values()))


@routes.get("/apps/{app}/addons")
async def list_app_addons(request: web.Request) -> web.Response:
    """The add-ons that the app is billed for and those that others share with it."""
    world, app = platform(request).world, the_app(request)
    shared = {one.addon.name for one in world.attachments_of(app)}
    return _addons(request, [addon for addon in world.addons.values() if addon.app == app.name or addon.name in shared])


@routes.get("/addons/{addon}")
@routes.get("/apps/{app}/addons/{addon}")
async def show_addon(request: web.Request) -> web.Response:
    return answer(views.addon(the_addon(request), platform(request).world, expand=words(request, "Accept-Expansion")))


@routes.post("/apps/{app}/addons")
async def create_addon(request: web.Request) -> web.Response:
    app, asked, here = the_app(request), await body(request), platform(request)
    wanted = identity_of(asked.get("plan"))
    plan = catalogue.plan(wanted)
    if plan is None:
        known = catalogue.service(wanted.partition(":")[0])
        raise not_found("add-on plan" if known else "add-on service")
    attachment = asked.get("attachment")
    name = str(attachment.get("name") or "") if isinstance(attachment, dict) else ""
    addon = await here.addons.create(app, plan, name, by=here.user)
    return answer(views.addon(addon, here.world), 201)


@routes.delete("/apps/{app}/addons/{addon}")
async def destroy_addon(request: web.Request) -> web.Response:
    """Remove an add-on with its server. Other apps that use it must be named by ``force`` in the body, as on Heroku."""
    here, addon, asked = platform(request), the_addon(request), await body(request)
    others = {one.app for one in here.world.attached_to(addon)} - {addon.app}
    if others and not asked.get("force"):
        raise ProblemError(
            409,
            "confirmation_required",
            f"{addon.name} is attached to other apps: {', '.join(sorted(others))}. Use --force.",
        )
    shown = views.addon(addon, here.world)
    await here.addons.destroy(addon, by=here.user)
    return answer({**shown, "state": addon.state})


@routes.get("/addon-attachments")
async def list_attachments(request: web.Request) -> web.Response:
    return _attachments(request, platform(request).world.attachments)


@routes.get("/apps/{app}/addon-attachments")
async def list_app_attachments(request: web.Request) -> web.Response:
    return _attachments(request, platform(request).world.attachments_of(the_app(request)))


@routes.get("/addons/{addon}/addon-attachments")
async def list_addon_attachments(request: web.Request) -> web.Response:
    return _attachments(request, platform(request).world.attached_to(the_addon(request)))


@routes.get("/addon-attachments/{attachment}")
@routes.get("/apps/{app}/addon-attachments/{attachment}")
async def show_attachment(request: web.Request) -> web.Response:
    return answer(_attachment(request, _the_attachment(request)))


@routes.post("/addon-attachments")
async def attach(request: web.Request) -> web.Response:
    asked, here = await body(request), platform(request)
    app, addon = here.world.app(identity_of(asked.get("app"))), here.world.addon(identity_of(asked.get("addon")))
    if app is None or addon is None:
        raise not_found("app" if app is None else "add-on")
    name, namespace = str(asked.get("name") or ""), asked.get("namespace")
    if namespace is not None:
        raise invalid("This rehearsal's databases have only their default credential.")
    if name and any(one.name == name for one in here.world.attachments_of(app)):
        raise invalid("Name is already in use on this app.")
    made = here.addons.attach(app, addon, name)
    here.releases.create(app, f"Attach {made.name} (@ref:{addon.name})", by=here.user)
    return answer(_attachment(request, made), 201)


@routes.delete("/addon-attachments/{attachment}")
async def detach(request: web.Request) -> web.Response:
    here, one = platform(request), _the_attachment(request)
    mine = [each for each in here.world.attached_to(one.addon) if each.app == one.addon.app]
    if mine == [one]:
        raise invalid(f"Cannot destroy last attachment to billing app for resource {one.addon.name}.")
    shown = _attachment(request, one)
    here.addons.detach(one, by=here.user)
    return answer(shown)


def _the_attachment(request: web.Request) -> Attachment:
    identity, world = request.match_info["attachment"], platform(request).world
    inside = world.attachments_of(the_app(request)) if "app" in request.match_info else world.attachments
    for one in inside:
        if identity == one.id or ("app" in request.match_info and identity == one.name):
            return one
    raise not_found("add-on attachment")


@routes.post("/actions/addons/resolve")
async def resolve_addon(request: web.Request) -> web.Response:
    """Find add-ons by name, id, or the name of an attachment in an app."""
    asked, world = await body(request), platform(request).world
    wanted = _wanted(asked, "addon")
    app = world.app(identity_of(asked.get("app")))
    found = {
        addon.name: addon
        for addon in world.addons.values()
        if wanted in (addon.name, addon.id)
        or any(_matches(one, wanted) and (app is None or one.app == app.name) for one in world.attached_to(addon))
    }
    chosen = [addon for addon in found.values() if _of_service(addon, asked)]
    if not chosen:
        raise not_found("add-on")
    return _addons(request, chosen)


@routes.post("/actions/addon-attachments/resolve")
async def resolve_attachment(request: web.Request) -> web.Response:
    asked, world = await body(request), platform(request).world
    wanted = _wanted(asked, "addon_attachment")
    app = world.app(identity_of(asked.get("app")))
    chosen = [
        one
        for one in (world.attachments_of(app) if app else world.attachments)
        if (_matches(one, wanted) or wanted in (one.addon.name, one.addon.id)) and _of_service(one.addon, asked)
    ]
    if not chosen:
        raise not_found("add-on attachment")
    return _attachments(request, chosen)


def _wanted(asked: Json, key: str) -> str:
    wanted = identity_of(asked.get(key))
    if not wanted:
        raise bad_request(f"Require params: {key}.")
    return wanted


def _matches(one: Attachment, wanted: str) -> bool:
    return wanted in (one.id, one.name, one.variable, f"{one.app}::{one.name}")


def _of_service(addon: Addon, asked: Json) -> bool:
    wanted = identity_of(asked.get("addon_service"))
    return not wanted or addon.plan.service == wanted


@routes.get("/addon-services")
async def list_services(request: web.Request) -> web.Response:
    return listing(request, [views.service(one) for one in catalogue.SERVICES], ("id", "name"))


@routes.get("/addon-services/{service}")
async def show_service(request: web.Request) -> web.Response:
    return answer(views.service(_service(request)))


@routes.get("/addon-services/{service}/plans")
async def list_plans(request: web.Request) -> web.Response:
    offered = _service(request)
    return listing(request, [views.plan(one) for one in catalogue.PLANS if one.service == offered.name], ("id", "name"))


@routes.get("/plans/{plan}")
@routes.get("/addon-services/{service}/plans/{plan}")
async def show_plan(request: web.Request) -> web.Response:
    plan = catalogue.plan(request.match_info["plan"])
    if plan is None or ("service" in request.match_info and plan.service != _service(request).name):
        raise not_found("add-on plan")
    return answer(views.plan(plan))


def _service(request: web.Request) -> catalogue.Service:
    found = catalogue.service(request.match_info["service"])
    if found is None:
        raise not_found("add-on service")
    return found
