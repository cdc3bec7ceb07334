"""How does Heroku show its things as JSON? Each shape follows the official schema, which a test holds it to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from . import catalogue
from .catalogue import stable_id
from .certificates import Served
from .dynos.dyno import Dyno
from .world import (
    Account,
    Addon,
    App,
    Attachment,
    Coupling,
    Domain,
    Drain,
    FormationRow,
    Pipeline,
    Release,
    Slug,
    World,
)

Json = dict[str, object]
LAUNCHED = "2012-01-01T12:00:00Z"
CEDAR: Json = {"id": str(stable_id("generation", "cedar")), "name": "cedar"}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def named(kind: str, name: str) -> Json:
    """A reference to something that every customer shares."""
    return {"id": str(stable_id(kind, name)), "name": name}


def app_reference(app: App) -> Json:
    return {"id": app.id, "name": app.name}


def user(account: Account) -> Json:
    return {"id": account.id, "email": account.email}


def account(one: Account) -> Json:
    return {
        "allow_tracking": False,
        "beta": False,
        "country_of_residence": None,
        "created_at": stamp(one.created),
        "default_organization": None,
        "default_team": None,
        "delinquent_at": None,
        "email": one.email,
        "federated": False,
        "id": one.id,
        "identity_provider": None,
        "last_login": stamp(one.created),
        "name": one.name,
        "sms_number": None,
        "suspended_at": None,
        "two_factor_authentication": True,
        "updated_at": stamp(one.created),
        "verified": True,
    }


def app(one: App, world: World) -> Json:
    slug = one.slug
    released = one.releases[-1].created if one.releases else None
    return {
        "acm": True,
        "archived_at": None,
        "buildpack_provided_description": buildpack_description(one),
        "build_stack": named("stack", one.stack),
        "created_at": stamp(one.created),
        "generation": CEDAR,
        "git_url": f"https://git.heroku.com/{one.name}.git",
        "id": one.id,
        "internal_routing": None,
        "maintenance": one.maintenance,
        "name": one.name,
        "organization": None,
        "owner": user(world.account),
        "region": named("region", one.region),
        "released_at": stamp(released) if released else None,
        "repo_size": None,
        "slug_size": slug.bytes if slug else None,
        "space": None,
        "stack": named("stack", one.stack),
        "team": None,
        "updated_at": stamp(one.updated),
        "web_url": f"https://{one.host}/",
    }


def buildpack_description(one: App) -> str | None:
    return one.buildpacks[-1].partition("/")[2].title() if one.slug and one.buildpacks else None


def formation(row: FormationRow, one: App) -> Json:
    return {
        "app": app_reference(one),
        "command": row.command,
        "created_at": stamp(row.created),
        "dyno_size": named("dyno-size", row.size),
        "id": row.id,
        "quantity": row.quantity,
        "size": row.size,
        "type": row.type,
        "updated_at": stamp(row.updated),
    }


def dyno(one: Dyno, of: App, *, sdk: bool = False) -> Json:
    """``sdk`` adds the key that only callers under version 3.sdk get."""
    plan = one.plan
    return {
        "app": app_reference(of),
        "attach_url": one.attach_url,
        "command": plan.command,
        "created_at": stamp(one.created),
        "id": plan.id,
        "name": plan.name,
        "release": {"id": plan.release_id, "version": plan.release_version},
        "size": plan.size,
        "state": one.state,
        "type": plan.type,
        "updated_at": stamp(one.updated),
        **({"extended": None} if sdk else {}),
    }


def dyno_size(one: catalogue.DynoSize) -> Json:
    return {
        "architecture": "amd64",
        "compute": one.compute,
        "cost": {"cents": one.cents, "unit": "month"},
        "dedicated": one.dedicated,
        "generation": CEDAR,
        "id": str(stable_id("dyno-size", one.name)),
        "memory": one.memory_gb,
        "name": one.name,
        "precise_dyno_units": one.units,
        "private_space_only": one.private,
    }


def service(one: catalogue.Service) -> Json:
    return {
        "cli_plugin_name": None,
        "created_at": LAUNCHED,
        "human_name": one.human_name,
        "id": str(stable_id("service", one.name)),
        "name": one.name,
        "state": "ga",
        "supported_generations": [CEDAR],
        "supports_multiple_installations": one.sharing,
        "supports_sharing": one.sharing,
        "updated_at": LAUNCHED,
    }


def price(plan: catalogue.Plan) -> Json:
    return {"cents": plan.cents, "contract": False, "unit": "month"}


def plan(one: catalogue.Plan) -> Json:
    return {
        "addon_service": named("service", one.service),
        "compliance": None,
        "created_at": LAUNCHED,
        "default": one == catalogue.default_plan(one.service),
        "description": f"{one.service.replace('-', ' ').title()} {one.human_name}",
        "human_name": one.human_name,
        "id": str(stable_id("plan", one.name)),
        "installable_inside_private_network": False,
        "installable_outside_private_network": True,
        "name": one.name,
        "price": price(one),
        "space_default": False,
        "state": "ga",
        "updated_at": LAUNCHED,
        "visible": True,
    }


def addon_app(one: Addon, world: World) -> Json:
    return app_reference(world.apps[one.app])


def addon(one: Addon, world: World, *, expand: Collection[str] = ()) -> Json:
    """``expand`` holds the words of ``Accept-Expansion``: ``addon_service`` and ``plan`` are then shown whole."""
    variables = [each.variable for each in world.attached_to(one) if each.variable and each.app == one.app]
    offered = catalogue.service(one.plan.service)
    whole_service = service(offered) if offered and "addon_service" in expand else None
    return {
        "actions": [],
        "addon_service": whole_service or named("service", one.plan.service),
        "app": addon_app(one, world),
        "billed_price": price(one.plan),
        "billing_entity": {**addon_app(one, world), "type": "app"},
        "config_vars": variables,
        "created_at": stamp(one.created),
        "id": one.id,
        "name": one.name,
        "plan": plan(one.plan) if "plan" in expand else named("plan", one.plan.name),
        "provider_id": one.provider_id,
        "state": one.state,
        "updated_at": stamp(one.updated),
        "web_url": f"https://addons-sso.heroku.com/apps/{world.apps[one.app].id}/addons/{one.id}",
    }


def attachment(one: Attachment, world: World, *, include: Collection[str] = ()) -> Json:
    """``include`` holds the words of ``Accept-Inclusion``: ``addon:plan`` and ``config_vars`` are then added."""
    of = {"id": one.addon.id, "name": one.addon.name, "app": addon_app(one.addon, world)}
    if "addon:plan" in include:
        of["plan"] = named("plan", one.addon.plan.name)
    return {
        "addon": of,
        "app": app_reference(world.apps[one.app]),
        "created_at": stamp(one.created),
        "id": one.id,
        "log_input_url": None,
        "name": one.name,
        "namespace": one.namespace,
        "updated_at": stamp(one.created),
        "web_url": None,
        **({"config_vars": [one.variable] if one.variable else []} if "config_vars" in include else {}),
    }


def release(one: Release, of: App, world: World) -> Json:
    return {
        "addon_plan_names": list(one.plans),
        "app": app_reference(of),
        "artifacts": [{"type": "slug", "id": one.slug.id}] if one.slug else [],
        "created_at": stamp(one.created),
        "current": one is of.current,
        "description": one.description,
        "eligible_for_rollback": one.status == "succeeded" and one.slug is not None,
        "id": one.id,
        "output_stream_url": None,
        "slug": {"id": one.slug.id} if one.slug else None,
        "status": one.status,
        "updated_at": stamp(one.updated),
        "user": {"id": world.account.id, "email": one.user},
        "version": one.version,
    }


def slug(one: Slug, of: App) -> Json:
    return {
        "blob": {"method": "GET", "url": f"https://slugs.rehearsal.invalid/{one.id}.tgz"},
        "buildpack_provided_description": buildpack_description(of),
        "checksum": one.checksum,
        "commit": None,
        "commit_description": None,
        "created_at": stamp(one.created),
        "deleted_at": None,
        "id": one.id,
        "process_types": one.process_types,
        "size": one.bytes,
        "stack": named("stack", of.stack),
        "updated_at": stamp(one.created),
    }


def domain(one: Domain, of: App) -> Json:
    custom = one.cname is not None
    return {
        "acm_status": "ok" if custom else None,
        "acm_status_reason": None,
        "app": app_reference(of),
        "cname": one.cname,
        "created_at": stamp(one.created),
        "hostname": one.hostname,
        "id": one.id,
        "kind": "custom" if custom else "heroku",
        "sni_endpoint": {"id": endpoint_id(of), "name": endpoint_name(of)} if custom else None,
        "status": "succeeded" if custom else "none",
        "updated_at": stamp(one.created),
    }


def endpoint_id(of: App) -> str:
    return str(stable_id("sni-endpoint", of.id))


def endpoint_name(of: App) -> str:
    return f"{of.name[:20]}-{of.id[:5]}"


def endpoint(one: Served, of: App) -> Json:
    """``acm`` is not in the schema, but the CLI shows by it whether Heroku renews the certificate."""
    return {
        "app": app_reference(of),
        "certificate_chain": one.chain,
        "created_at": stamp(of.created),
        "display_name": None,
        "domains": [domain.id for domain in of.domains if domain.cname],
        "id": endpoint_id(of),
        "name": endpoint_name(of),
        "ssl_cert": {
            "acm": True,
            "ca_signed?": True,
            "cert_domains": list(one.hosts),
            "expires_at": stamp(one.expires),
            "id": str(stable_id("certificate", of.id)),
            "issuer": "trustme",
            "self_signed?": False,
            "starts_at": stamp(one.starts),
            "subject": one.hosts[0],
        },
        "updated_at": stamp(of.created),
    }


def feature(name: str, of: App) -> Json:
    return {
        "created_at": LAUNCHED,
        "description": catalogue.FEATURES[name],
        "display_name": name.replace("-", " ").title(),
        "doc_url": f"https://devcenter.heroku.com/articles/{name}",
        "enabled": name in of.features,
        "feedback_email": "feedback@rehearsal.example",
        "id": str(stable_id("feature", name)),
        "name": name,
        "state": "general" if name == "preboot" else "public",
        "updated_at": LAUNCHED,
    }


def drain(one: Drain, of: App) -> Json:
    return {
        "addon": None,
        "app": app_reference(of),
        "created_at": stamp(one.created),
        "id": one.id,
        "token": one.token,
        "updated_at": stamp(one.created),
        "url": one.url,
    }


def pipeline(one: Pipeline, world: World) -> Json:
    return {
        "created_at": stamp(one.created),
        "generation": CEDAR,
        "id": one.id,
        "name": one.name,
        "owner": {"id": world.account.id, "type": "user"},
        "updated_at": stamp(one.created),
    }


def coupling(one: Coupling) -> Json:
    """The pipeline's name is not in the schema, but the CLI prints it, so Heroku sends it."""
    return {
        "app": {"id": one.app.id},
        "created_at": stamp(one.created),
        "id": one.id,
        "pipeline": {"id": one.pipeline.id, "name": one.pipeline.name},
        "stage": one.stage,
        "updated_at": stamp(one.updated),
    }


def collaborator(one: App, world: World) -> Json:
    """The owner; an estate has no other people."""
    words = ("deploy", "manage", "operate", "view")
    return {
        "app": app_reference(one),
        "created_at": stamp(one.created),
        "id": str(stable_id("collaborator", one.id)),
        "permissions": [{"name": word, "description": f"Can {word} the app"} for word in words],
        "role": "owner",
        "updated_at": stamp(one.created),
        "user": {"email": world.account.email, "federated": False, "id": world.account.id},
    }


def buildpacks(one: App) -> list[Json]:
    return [
        {"ordinal": number, "buildpack": {"name": name, "url": f"urn:buildpack:{name}"}}
        for number, name in enumerate(one.buildpacks)
    ]


def region(name: str, country: str, locale: str, provider_region: str) -> Json:
    return {
        "country": country,
        "created_at": LAUNCHED,
        "description": country,
        "id": str(stable_id("region", name)),
        "locale": locale,
        "name": name,
        "private_capable": False,
        "provider": {"name": "amazon-web-services", "region": provider_region},
        "updated_at": LAUNCHED,
    }


def stack(name: str) -> Json:
    return {
        "created_at": LAUNCHED,
        "default": name == catalogue.DEFAULT_STACK,
        "id": str(stable_id("stack", name)),
        "name": name,
        "state": "public",
        "updated_at": LAUNCHED,
    }
