"""Which of Heroku's apps belong to this move, and what does Heroku say about each? Requests only, no conclusions.

Everything that can be asked for the whole account is; the rest takes some ten calls for each app, several apps at a time.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import CredentialsRejectedError, UsageError
from ..heroku import Platform
from ..heroku.model import (
    Addon,
    App,
    Attachment,
    Collaborator,
    Coupling,
    Domain,
    Drain,
    DynoSize,
    Endpoint,
    Feature,
    Formation,
    Pipeline,
    Release,
    ReviewApps,
    Slug,
    Space,
    Team,
    Webhook,
)
from ..kit.secret import Secret
from ..settings import HerokuSettings
from .asking import Unread
from .partial import Partial
from .together import API_THREADS, Tell, each, silent

RELEASES = 100
"""How many releases tell how often an app is released."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """One app as Heroku describes it. ``release`` and ``slug`` are None for an app that was never deployed."""

    app: App
    formation: tuple[Formation, ...]
    release: Release | None
    slug: Slug | None
    config: Mapping[str, Secret]
    addons: tuple[Addon, ...]
    attachments: tuple[Attachment, ...]
    domains: tuple[Domain, ...]
    drains: tuple[Drain, ...]
    buildpacks: tuple[str, ...]
    pipeline: str | None
    pipeline_stage: str | None
    releases: tuple[Release, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    features: tuple[Feature, ...] = ()
    people: tuple[Collaborator, ...] = ()
    webhooks: tuple[Webhook, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceFacts:
    space: Space
    outbound: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """A pipeline with its apps as ``(name, stage)``; ``review`` is None when it makes no review apps."""

    name: str
    apps: tuple[tuple[str, str], ...]
    review: ReviewApps | None
    open_reviews: int


@dataclass(frozen=True, slots=True)
class Survey:
    apps: tuple[AppFacts, ...]
    sizes: tuple[DynoSize, ...]
    pipelines: tuple[PipelineFacts, ...] = ()
    teams: tuple[Team, ...] = ()
    spaces: tuple[SpaceFacts, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def addons(self) -> tuple[Addon, ...]:
        """Every add-on that an app of the survey owns or has attached, once, by name."""
        found = {addon.id: addon for facts in self.apps for addon in facts.addons}
        return tuple(sorted(found.values(), key=lambda addon: addon.name))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        found = {attachment.id: attachment for facts in self.apps for attachment in facts.attachments}
        return tuple(sorted(found.values(), key=lambda attachment: (attachment.app, attachment.name)))

    def config(self, app: str) -> Mapping[str, Secret]:
        return next((facts.config for facts in self.apps if facts.app.name == app), {})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an app stands in a pipeline."""

    pipeline: str
    stage: str


def take(heroku: Platform, settings: HerokuSettings, partial: Partial, tell: Tell = silent) -> Survey:
    """Read everything about the chosen apps. Raises UsageError when the settings choose apps that are not there.

    Raises CredentialsRejectedError when the token may not read config vars: without them an estate says nothing of what depends on what.
    """
    return _Taking(heroku, settings, partial, tell).take()


class _Taking:
    """One survey under way."""

    def __init__(self, heroku: Platform, settings: HerokuSettings, partial: Partial, tell: Tell) -> None:
        self._heroku, self._settings, self._partial, self._tell = heroku, settings, partial, tell
        self._unread = Unread()

    def take(self) -> Survey:
        heroku, partial, unread = self._heroku, self._partial, self._unread
        self._tell("asking which apps there are", None)
        apps = partial.all("apps", App, heroku.apps)
        pipelines = partial.all("pipelines", Pipeline, heroku.pipelines)
        couplings = partial.all("couplings", Coupling, heroku.couplings)
        places = _places(pipelines, couplings)
        chosen = choose(apps, places, self._settings)
        addons = partial.all("addons", Addon, heroku.addons)
        attachments = partial.all("attachments", Attachment, heroku.attachments)
        facts = each(
            chosen,
            lambda app: self._facts(app, places.get(app.id), addons, attachments),
            threads=API_THREADS,
            tell=self._tell,
            what="apps read",
        )
        named = {app.id: app.name for app in apps}
        ours = {places[app.id].pipeline for app in chosen if app.id in places}
        return Survey(
            apps=facts,
            sizes=partial.all("dyno-sizes", DynoSize, heroku.dyno_sizes),
            pipelines=tuple(self._pipeline(one, couplings, named) for one in pipelines if one.name in ours),
            teams=self._teams(),
            spaces=self._spaces({app.space for app in chosen if app.space}),
            unread=unread.sentences,
        )

    def _facts(
        self, app: App, place: _Place | None, addons: tuple[Addon, ...], attachments: tuple[Attachment, ...]
    ) -> AppFacts:
        heroku, partial, unread, name = self._heroku, self._partial, self._unread, app.name
        releases = partial.all(f"releases/{name}", Release, lambda: heroku.releases(name, RELEASES))
        release = _current(releases)
        slug = release.slug if release else None
        attached = tuple(one for one in attachments if one.app == name)
        return AppFacts(
            app=app,
            formation=partial.all(f"formation/{name}", Formation, lambda: heroku.formation(name)),
            release=release,
            slug=partial.one(f"slug/{name}/{slug}", Slug, lambda: heroku.slug(name, slug or "")) if slug else None,
            config=self._config(name),
            addons=self._addons(name, addons, attached),
            attachments=attached,
            domains=partial.all(f"domains/{name}", Domain, lambda: heroku.domains(name)),
            drains=heroku.drains(name) if app.generation != "fir" else (),
            buildpacks=partial.all(f"buildpacks/{name}", str, lambda: heroku.buildpacks(name)),
            pipeline=place.pipeline if place else None,
            pipeline_stage=place.stage if place else None,
            releases=releases,
            endpoints=unread.optional(
                f"The certificates of {name}",
                lambda: partial.all(f"endpoints/{name}", Endpoint, lambda: heroku.endpoints(name)),
                (),
            ),
            features=unread.optional(
                f"The features of {name}",
                lambda: partial.all(f"features/{name}", Feature, lambda: heroku.features(name)),
                (),
            ),
            people=unread.optional(f"The collaborators of {name}", lambda: heroku.collaborators(name), ()),
            webhooks=unread.optional(f"The webhooks of {name}", lambda: heroku.webhooks(name), ()),
        )

    def _config(self, app: str) -> Mapping[str, Secret]:
        try:
            return self._heroku.config_vars(app)
        except CredentialsRejectedError as error:
            raise CredentialsRejectedError(
                f"The token may not read the config vars of {app}, without which nobody can tell what depends on what.",
                hint="Make one with the scopes read and read-protected: `heroku authorizations:create --scope "
                "read,read-protected --short`; its account needs access to the app.",
            ) from error

    def _addons(self, app: str, addons: tuple[Addon, ...], attached: tuple[Attachment, ...]) -> tuple[Addon, ...]:
        """Return what the app owns or has attached. Add-ons of apps that the account does not see need a request of their own."""
        wanted = {one.addon_id for one in attached}
        found = tuple(addon for addon in addons if addon.app == app or addon.id in wanted)
        if wanted <= {addon.id for addon in found}:
            return found
        return self._partial.all(f"addons/{app}", Addon, lambda: self._heroku.addons(app))

    def _pipeline(self, pipeline: Pipeline, couplings: tuple[Coupling, ...], named: Mapping[str, str]) -> PipelineFacts:
        heroku, unread = self._heroku, self._unread
        # A pipeline that makes none answers 404.
        review = unread.optional(
            f"The review app configuration of {pipeline.name}",
            lambda: unread.known(lambda: heroku.review_app_config(pipeline.id), None),
            None,
        )
        open_reviews = unread.optional(
            f"The review apps of {pipeline.name}", lambda: heroku.review_apps(pipeline.id), 0
        )
        apps = ((named.get(one.app_id, ""), one.stage) for one in couplings if one.pipeline_id == pipeline.id)
        return PipelineFacts(pipeline.name, tuple(sorted(apps)), review, open_reviews)

    def _teams(self) -> tuple[Team, ...]:
        return self._unread.optional("The teams", self._heroku.teams, ())

    def _spaces(self, used: set[str]) -> tuple[SpaceFacts, ...]:
        if not used:
            return ()
        heroku, unread = self._heroku, self._unread
        nothing: tuple[Space, ...] = ()
        found = unread.optional("The Private Spaces", heroku.spaces, nothing)
        return tuple(self._space(space) for space in found if space.name in used)

    def _space(self, space: Space) -> SpaceFacts:
        heroku = self._heroku
        what = f"The outbound addresses of {space.name}"
        return SpaceFacts(space, self._unread.optional(what, lambda: heroku.outbound(space.name), ()))


def choose(apps: tuple[App, ...], places: Mapping[str, _Place], settings: HerokuSettings) -> tuple[App, ...]:
    """Return the apps that the settings name, by name."""
    if settings.apps:
        chosen = _named(apps, settings.apps)
    elif settings.pipeline:
        chosen = _in_pipeline(apps, places, settings.pipeline, settings.pipeline_stage)
    else:
        chosen = apps
    if not chosen:
        raise UsageError(
            "The Heroku account sees no app at all.",
            hint="Use a token of an account that does, and name the apps under `heroku.apps` in offramp.toml.",
        )
    return tuple(sorted(chosen, key=lambda app: app.name))


def _named(apps: tuple[App, ...], names: tuple[str, ...]) -> tuple[App, ...]:
    known = {app.name: app for app in apps}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                f"Heroku shows this token no app named {name}.",
                hint=f"Did you mean {near[0]}? See `heroku.apps` in offramp.toml."
                if near
                else "Check `heroku.apps` in offramp.toml, and whether the token's account may see the app.",
            )
    return tuple(known[name] for name in names)


def _in_pipeline(apps: tuple[App, ...], places: Mapping[str, _Place], pipeline: str, stage: str) -> tuple[App, ...]:
    wanted = _Place(pipeline, stage)
    chosen = tuple(app for app in apps if places.get(app.id) == wanted)
    if not chosen:
        known = sorted({f"{place.pipeline} ({place.stage})" for place in places.values()})
        raise UsageError(
            f"No app that this token sees stands at the stage {stage} of the pipeline {pipeline}.",
            hint=f"Check `heroku.pipeline` and `heroku.pipeline_stage` in offramp.toml; there is {', '.join(known) or 'none'}.",
        )
    return chosen


def _places(pipelines: tuple[Pipeline, ...], couplings: tuple[Coupling, ...]) -> Mapping[str, _Place]:
    names = {pipeline.id: pipeline.name for pipeline in pipelines}
    return {
        coupling.app_id: _Place(names[coupling.pipeline_id], coupling.stage)
        for coupling in couplings
        if coupling.pipeline_id in names
    }


def _current(releases: tuple[Release, ...]) -> Release | None:
    newest = sorted(releases, key=lambda release: release.version, reverse=True)
    running = [release for release in newest if release.current]
    ended = [release for release in newest if release.status == "succeeded"]
    return next(iter(running + ended + newest), None)
