"""How does what Heroku says of one app become an App of the estate? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import OutsideError
from ..heroku.model import DynoSize, Formation, Release
from ..kit.secret import Secret
from . import fingerprint
from .model import (
    App,
    AttachmentName,
    Certificate,
    ConfigVar,
    Domain,
    Person,
    ProcessType,
    Releases,
    Webhook,
)
from .survey import AppFacts, Survey


def apps(survey: Survey, salt: Secret) -> tuple[App, ...]:
    hosts = _hosts(survey)
    return tuple(_app(facts, survey, hosts, salt) for facts in survey.apps)


def _hosts(survey: Survey) -> Mapping[str, str]:
    """Map every host name under which an app of the estate answers to the app."""
    return {
        host: facts.app.name
        for facts in survey.apps
        for host in (_default_host(facts), *(domain.hostname for domain in facts.domains))
        if host
    }


def _default_host(facts: AppFacts) -> str:
    named = [domain.hostname for domain in facts.domains if domain.kind == "heroku"]
    return urlsplit(facts.app.web_url).hostname or next(iter(named), "")


def _app(facts: AppFacts, survey: Survey, hosts: Mapping[str, str], salt: Secret) -> App:
    procfile = dict(facts.slug.process_types) if facts.slug else {}
    return App(
        name=facts.app.name,
        id=facts.app.id,
        stack=facts.app.stack,
        generation=facts.app.generation,
        region=facts.app.region,
        maintenance=facts.app.maintenance,
        default_host=_default_host(facts),
        buildpacks=facts.buildpacks,
        processes=tuple(
            _process_type(line, procfile, survey.sizes)
            for line in sorted(facts.formation, key=lambda line: line.type)
            if line.type != "release"
        ),
        release_command=procfile.get("release"),
        release_version=facts.release.version if facts.release else 0,
        config=_config(facts, hosts, salt),
        domains=tuple(
            Domain(domain.hostname, domain.cname, domain.acm_status, domain.acm_reason, domain.endpoint)
            for domain in sorted(facts.domains, key=lambda domain: domain.hostname)
            if domain.kind == "custom"
        ),
        drains=tuple(sorted({drain.host for drain in facts.drains if drain.host})),
        pipeline=facts.pipeline,
        pipeline_stage=facts.pipeline_stage,
        build_stack=facts.app.build_stack or facts.app.stack,
        team=facts.app.team,
        space=facts.app.space,
        internal=facts.app.internal,
        acm=facts.app.acm,
        slug_bytes=facts.app.slug_bytes,
        features=tuple(sorted(feature.name for feature in facts.features if feature.enabled)),
        attachments=_attachments(facts),
        certificates=tuple(
            Certificate(one.name, one.hosts, one.expires_at, one.issuer, one.automatic, one.self_signed)
            for one in sorted(facts.endpoints, key=lambda one: one.name)
        ),
        people=_people(facts, salt),
        releases=_releases(facts.releases),
        webhooks=tuple(sorted((Webhook(one.host, one.events, one.level) for one in facts.webhooks), key=str)),
        addon_drains=tuple(sorted({drain.addon for drain in facts.drains if drain.addon})),
    )


def _attachments(facts: AppFacts) -> tuple[AttachmentName, ...]:
    return tuple(
        AttachmentName(one.name, one.addon, one.addon_app, one.namespace, one.config_vars)
        for one in sorted(facts.attachments, key=lambda one: one.name)
    )


def _people(facts: AppFacts, salt: Secret) -> tuple[Person, ...]:
    people = (Person(fingerprint.fingerprint(one.email, salt), one.role, one.permissions) for one in facts.people)
    return tuple(sorted(people, key=lambda person: (person.role, person.fingerprint)))


def _releases(found: tuple[Release, ...]) -> Releases:
    """Heroku has no field for what a release is about, but words that stay the same (heroku/cli reads them, too)."""
    newest = sorted(found, key=lambda release: release.version, reverse=True)
    deploys = [one for one in newest if one.description.startswith(("Deploy", "Promote", "Rollback"))]
    failed = [one for one in newest if one.status == "failed"]
    return Releases(
        seen=len(newest),
        deploys=len(deploys),
        failed=len(failed),
        first_at=_at(newest[-1:]),
        last_at=_at(newest),
        last_deploy_at=_at(deploys),
        last_failed_at=_at(failed),
    )


def _at(releases: list[Release]) -> str | None:
    return (releases[0].created_at or None) if releases else None


def _process_type(line: Formation, procfile: Mapping[str, str], sizes: tuple[DynoSize, ...]) -> ProcessType:
    dyno = size(line.size, sizes)
    return ProcessType(
        type=line.type,
        command=line.command or procfile.get(line.type, ""),
        quantity=line.quantity,
        size=line.size,
        memory_mb=dyno.memory_mb,
        monthly_cents=dyno.monthly_cents,
        dedicated=dyno.dedicated,
    )


def size(name: str, sizes: tuple[DynoSize, ...]) -> DynoSize:
    for size in sizes:
        if size.name.casefold() == name.casefold():
            return size
    raise OutsideError(
        f"Heroku's list of dyno sizes has no {name}.", hint="Run the same command again; if it stays so, report it."
    )


def _config(facts: AppFacts, hosts: Mapping[str, str], salt: Secret) -> tuple[ConfigVar, ...]:
    owners = {name: attachment.name for attachment in facts.attachments for name in attachment.config_vars}
    return tuple(
        _config_var(name, value, owners.get(name), hosts, salt) for name, value in sorted(facts.config.items())
    )


def _config_var(name: str, value: Secret, attachment: str | None, hosts: Mapping[str, str], salt: Secret) -> ConfigVar:
    app = None if attachment else fingerprint.target(value, hosts)
    return ConfigVar(
        name=name,
        fingerprint=fingerprint.fingerprint(value, salt),
        attachment=attachment,
        points_at=app,
        address=fingerprint.address(value) if app else None,
        endpoint=fingerprint.endpoint(value, salt),
    )
