"""What can be asked of, and done through, Heroku's Platform API? One method for each link that offramp uses."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from urllib.parse import quote

from ..kit.clock import Clock
from ..kit.secret import Secret
from . import parse, parse_more
from .model import (
    Account,
    Addon,
    App,
    Attachment,
    Collaborator,
    Coupling,
    Domain,
    Drain,
    Dyno,
    DynoSize,
    Endpoint,
    Feature,
    Formation,
    Pipeline,
    Plan,
    Release,
    ReviewApps,
    Slug,
    Space,
    Team,
    Webhook,
)
from .wire import Wire

# Both widen an add-on's answers, so that one request tells what would take one for each add-on.
_WIDER = {"Accept-Expansion": "addon_service,plan", "Accept-Inclusion": "addon:plan,config_vars"}

# Webhooks and review apps are answered under variants of version 3 only (heroku/cli sends the same).
_WEBHOOKS = {"Accept": "application/vnd.heroku+json; version=3.webhooks"}
_PIPELINES = {"Accept": "application/vnd.heroku+json; version=3.pipelines"}


class Platform:
    """A client of the Platform API, version 3. Apps are named by name or id.

    Every method may raise CredentialsRejectedError, RateLimitedError, UnreachableError, UsageError (Heroku knows no such app) or
    OutsideError; those that change something also RefusedError with Heroku's own words. Methods that look need the scope
    ``read-protected``, those that change need ``write-protected``. ``reserve`` calls of the rate limit are left alone.
    """

    def __init__(
        self,
        base_url: str,
        token: Secret,
        *,
        clock: Clock,
        reserve: int = 500,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._wire = Wire(base_url, token, clock=clock, reserve=reserve, jitter=jitter)

    def leaving(self, reserve: int) -> Platform:
        """Return the same client, leaving ``reserve`` calls of the rate limit to others."""
        other = copy.copy(self)
        other._wire = self._wire.leaving(reserve)
        return other

    def close(self) -> None:
        self._wire.close()

    def account(self) -> Account:
        answer = self._wire.one("/account")
        return Account(id=answer.text("id"), email=answer.text("email"))

    def apps(self) -> tuple[App, ...]:
        """Return every app that the token's account can see, of its teams too."""
        return tuple(map(parse.app, self._wire.many("/apps")))

    def app(self, name: str) -> App:
        return parse.app(self._wire.one(_app(name)))

    def maintenance(self, app: str, on: bool) -> App:
        """Switch the router's maintenance page on or off."""
        return parse.app(self._wire.change("PATCH", _app(app), {"maintenance": on}))

    def formation(self, app: str) -> tuple[Formation, ...]:
        return tuple(map(parse.formation, self._wire.many(f"{_app(app)}/formation")))

    def scale(self, app: str, quantities: Mapping[str, int]) -> None:
        """Set how many dynos of each process type run: ``{"web": 0, "worker": 2}``. Safe to repeat."""
        updates = [{"type": kind, "quantity": quantity} for kind, quantity in sorted(quantities.items())]
        self._wire.apply("PATCH", f"{_app(app)}/formation", {"updates": updates})

    def dynos(self, app: str) -> tuple[Dyno, ...]:
        return tuple(map(parse.dyno, self._wire.many(f"{_app(app)}/dynos")))

    def dyno_sizes(self) -> tuple[DynoSize, ...]:
        return tuple(map(parse.dyno_size, self._wire.many("/dyno-sizes")))

    def addons(self, app: str | None = None) -> tuple[Addon, ...]:
        """Return the add-ons that ``app`` owns or has attached, or all that the account sees."""
        return tuple(map(parse.addon, self._wire.many(f"{_app(app) if app else ''}/addons", headers=_WIDER)))

    def delete_addon(self, app: str, addon: str, *, force: bool = False) -> None:
        """Remove an add-on and what it stores; ``force`` also when other apps use it. One that is gone already is fine."""
        self._wire.delete(f"{_app(app)}/addons/{quote(addon, safe='')}", {"force": True} if force else None)

    def attachments(self, app: str | None = None) -> tuple[Attachment, ...]:
        """Return the add-on attachments of ``app``, or all that the account sees."""
        path = f"{_app(app) if app else ''}/addon-attachments"
        return tuple(map(parse.attachment, self._wire.many(path, headers=_WIDER)))

    def plans(self, service: str) -> tuple[Plan, ...]:
        """Return the plans of an add-on service, with list prices."""
        return tuple(map(parse.plan, self._wire.many(f"/addon-services/{quote(service, safe='')}/plans")))

    def config_vars(self, app: str) -> Mapping[str, Secret]:
        """Return the config vars. Read them afresh each time: Heroku rotates database credentials as it likes."""
        answer = self._wire.one(f"{_app(app)}/config-vars")
        return {name: Secret(value) for name, value in answer.pairs()}

    def set_config(self, app: str, values: Mapping[str, Secret | str | None]) -> None:
        """Set config vars, None removing one. Each call makes a release and restarts all dynos of the app."""
        body = {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
        self._wire.change("PATCH", f"{_app(app)}/config-vars", body)

    def releases(self, app: str, limit: int = 10) -> tuple[Release, ...]:
        """Return the newest ``limit`` releases, newest first."""
        page = f"version ..; order=desc,max={limit}"
        return tuple(map(parse.release, self._wire.many(f"{_app(app)}/releases", page=page, pages=1)))[:limit]

    def slug(self, app: str, slug: str) -> Slug:
        return parse.slug(self._wire.one(f"{_app(app)}/slugs/{quote(slug, safe='')}"))

    def buildpacks(self, app: str) -> tuple[str, ...]:
        """Return the names or URLs of the buildpacks in the order in which they run."""
        found = self._wire.many(f"{_app(app)}/buildpack-installations")
        ordered = sorted(found, key=lambda answer: answer.number_or("ordinal", 0))
        packs = (answer.child("buildpack") for answer in ordered)
        return tuple(pack.text_or("name", "") or pack.text("url") for pack in packs)

    def domains(self, app: str) -> tuple[Domain, ...]:
        return tuple(map(parse.domain, self._wire.many(f"{_app(app)}/domains")))

    def pipelines(self) -> tuple[Pipeline, ...]:
        return tuple(map(parse.pipeline, self._wire.many("/pipelines")))

    def couplings(self) -> tuple[Coupling, ...]:
        """Return which app stands at which stage of which pipeline."""
        return tuple(map(parse.coupling, self._wire.many("/pipeline-couplings")))

    def drains(self, app: str) -> tuple[Drain, ...]:
        return tuple(map(parse.drain, self._wire.many(f"{_app(app)}/log-drains")))

    def endpoints(self, app: str) -> tuple[Endpoint, ...]:
        """Return the certificates that Heroku serves for an app."""
        return tuple(map(parse_more.endpoint, self._wire.many(f"{_app(app)}/sni-endpoints")))

    def features(self, app: str) -> tuple[Feature, ...]:
        return tuple(map(parse_more.feature, self._wire.many(f"{_app(app)}/features")))

    def collaborators(self, app: str) -> tuple[Collaborator, ...]:
        return tuple(map(parse_more.collaborator, self._wire.many(f"{_app(app)}/collaborators")))

    def webhooks(self, app: str) -> tuple[Webhook, ...]:
        return tuple(map(parse_more.webhook, self._wire.many(f"{_app(app)}/webhooks", headers=_WEBHOOKS)))

    def teams(self) -> tuple[Team, ...]:
        return tuple(map(parse_more.team, self._wire.many("/teams")))

    def spaces(self) -> tuple[Space, ...]:
        return tuple(map(parse_more.space, self._wire.many("/spaces")))

    def outbound(self, space: str) -> tuple[str, ...]:
        """Return the fixed addresses from which a Private Space calls the outside."""
        return tuple(sorted(self._wire.one(f"/spaces/{quote(space, safe='')}/nat").texts("sources")))

    def review_app_config(self, pipeline: str) -> ReviewApps:
        """Return how a pipeline makes review apps. Raises UsageError when it makes none."""
        path = f"/pipelines/{quote(pipeline, safe='')}/review-app-config"
        return parse_more.review_apps(self._wire.one(path, headers=_PIPELINES))

    def review_apps(self, pipeline: str) -> int:
        """Return how many review apps a pipeline has now."""
        path = f"/pipelines/{quote(pipeline, safe='')}/review-apps"
        return sum(1 for _ in self._wire.many(path, headers=_PIPELINES))

    def add_drain(self, app: str, url: Secret) -> Drain:
        """Add a log drain unless the app has one with this URL: Heroku would add a second without complaint."""
        for drain in self.drains(app):
            if drain.url == url:
                return drain
        return parse.drain(self._wire.change("POST", f"{_app(app)}/log-drains", {"url": url.reveal()}))

    def remove_drain(self, app: str, drain: str) -> None:
        """Remove a log drain by id. One that is gone already is fine."""
        self._wire.delete(f"{_app(app)}/log-drains/{quote(drain, safe='')}")


def _app(name: str) -> str:
    return f"/apps/{quote(name, safe='')}"
