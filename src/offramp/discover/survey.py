"""Which of Heroku's apps belong to this move, and what does Heroku say about each? Requests only, no conclusions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import UsageError
from ..heroku import Platform
from ..heroku.model import Addon, App, Attachment, Domain, Drain, DynoSize, Formation, Release, Slug
from ..kit.secret import Secret
from ..settings import HerokuSettings


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


@dataclass(frozen=True, slots=True)
class Survey:
    apps: tuple[AppFacts, ...]
    sizes: tuple[DynoSize, ...]

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


def take(heroku: Platform, settings: HerokuSettings) -> Survey:
    """Read everything about the chosen apps. Raises UsageError when the settings choose apps that are not there."""
    places = _places(heroku)
    chosen = choose(heroku.apps(), places, settings)
    return Survey(
        apps=tuple(_facts(heroku, app, places.get(app.id)) for app in chosen),
        sizes=heroku.dyno_sizes(),
    )


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


def _places(heroku: Platform) -> Mapping[str, _Place]:
    names = {pipeline.id: pipeline.name for pipeline in heroku.pipelines()}
    return {
        coupling.app_id: _Place(names[coupling.pipeline_id], coupling.stage)
        for coupling in heroku.couplings()
        if coupling.pipeline_id in names
    }


def _facts(heroku: Platform, app: App, place: _Place | None) -> AppFacts:
    release = _current(heroku.releases(app.name))
    return AppFacts(
        app=app,
        formation=heroku.formation(app.name),
        release=release,
        slug=heroku.slug(app.name, release.slug) if release and release.slug else None,
        config=heroku.config_vars(app.name),
        addons=heroku.addons(app.name),
        attachments=heroku.attachments(app.name),
        domains=heroku.domains(app.name),
        drains=heroku.drains(app.name),
        buildpacks=heroku.buildpacks(app.name),
        pipeline=place.pipeline if place else None,
        pipeline_stage=place.stage if place else None,
    )


def _current(releases: tuple[Release, ...]) -> Release | None:
    newest = sorted(releases, key=lambda release: release.version, reverse=True)
    running = [release for release in newest if release.current]
    ended = [release for release in newest if release.status == "succeeded"]
    return next(iter(running + ended + newest), None)
