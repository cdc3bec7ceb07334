"""Which of our types do the rarer of Heroku's JSON objects become: certificates, features, people, webhooks, spaces, review apps?"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..kit.secret import Secret
from .answer import Answer
from .model import (
    BackupSchedule,
    Collaborator,
    Credential,
    Endpoint,
    Feature,
    ReviewApps,
    ServiceSetting,
    Space,
    Team,
    Webhook,
)


def endpoint(answer: Answer) -> Endpoint:
    certificate = answer.maybe_child("ssl_cert") or Answer({}, "")
    return Endpoint(
        name=answer.text("name"),
        hosts=tuple(sorted(certificate.texts("cert_domains"))),
        expires_at=certificate.text_or("expires_at", ""),
        issuer=certificate.text_or("issuer", ""),
        # The schema does not list it, but the CLI reads it (heroku/cli, certs).
        automatic=certificate.flag("acm"),
        self_signed=certificate.flag("self_signed?"),
    )


def feature(answer: Answer) -> Feature:
    return Feature(name=answer.text("name"), enabled=answer.flag("enabled"))


def collaborator(answer: Answer) -> Collaborator:
    return Collaborator(
        email=Secret(answer.child("user").text("email")),
        role=answer.text_or("role", ""),
        permissions=tuple(sorted(one.text("name") for one in answer.children("permissions"))),
    )


def webhook(answer: Answer) -> Webhook:
    url = answer.text("url")
    return Webhook(
        id=answer.text("id"),
        url=Secret(url),
        host=urlsplit(url).hostname or "",
        events=tuple(sorted(answer.texts("include"))),
        level=answer.text_or("level", ""),
    )


def team(answer: Answer) -> Team:
    return Team(
        id=answer.text("id"),
        name=answer.text("name"),
        role=answer.text_or("role", ""),
        type=answer.text_or("type", ""),
    )


def space(answer: Answer) -> Space:
    generation = answer.maybe_child("generation")
    owner = answer.maybe_child("team") or answer.maybe_child("organization")
    return Space(
        id=answer.text("id"),
        name=answer.text("name"),
        team=owner.text_or("name", "") if owner else "",
        region=answer.child("region").text("name"),
        generation=generation.text_or("name", "cedar") if generation else "cedar",
        shield=answer.flag("shield"),
        state=answer.text_or("state", ""),
        cidr=answer.text_or("cidr", ""),
        data_cidr=answer.text_or("data_cidr", ""),
    )


def review_apps(answer: Answer) -> ReviewApps:
    target = answer.maybe_child("deploy_target")
    return ReviewApps(
        automatic=answer.flag("automatic_review_apps"),
        target=f"{target.text_or('type', '')} {target.text_or('id', '')}".strip() if target else "",
        base_name=answer.text_or("base_name", ""),
    )


def credential(answer: Answer) -> Credential:
    return Credential(name=answer.text("name"), state=answer.text_or("state", ""))


def backup_schedule(answer: Answer) -> BackupSchedule:
    return BackupSchedule(
        hour=int(answer.number_or("hour", 0)),
        timezone=answer.text_or("timezone", "UTC"),
        retain_weeks=int(answer.number_or("retain_weeks", 0)),
        retain_months=int(answer.number_or("retain_months", 0)),
    )


def service_settings(answer: Answer) -> tuple[ServiceSetting, ...]:
    return tuple(ServiceSetting(name, value) for name, value in answer.settings())
