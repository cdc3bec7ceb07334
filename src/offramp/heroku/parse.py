"""Which of our types does each of Heroku's JSON objects become?"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..kit.secret import Secret
from .answer import Answer
from .model import (
    Addon,
    App,
    Attachment,
    Backup,
    CacheStatus,
    Coupling,
    DatabaseStatus,
    Domain,
    Drain,
    Dyno,
    DynoSize,
    Formation,
    Pipeline,
    Plan,
    Release,
    Slug,
)

HOURS_PER_MONTH = 720
"""Heroku prorates to the second and calls 720 hours a month."""


def app(answer: Answer) -> App:
    generation = answer.maybe_child("generation")
    return App(
        id=answer.text("id"),
        name=answer.text("name"),
        stack=answer.child("stack").text("name"),
        # Objects older than the second generation do not name one.
        generation=generation.text("name") if generation else "cedar",
        region=answer.child("region").text("name"),
        maintenance=answer.flag("maintenance"),
        web_url=answer.text_or("web_url", ""),
        build_stack=_name(answer, "build_stack") or "",
        team=_name(answer, "team"),
        space=_name(answer, "space"),
        internal=answer.flag("internal_routing"),
        acm=answer.flag("acm"),
        slug_bytes=int(answer.number_or("slug_size", 0)),
    )


def formation(answer: Answer) -> Formation:
    return Formation(
        type=answer.text("type"),
        command=answer.text("command"),
        quantity=answer.integer("quantity"),
        size=answer.text("size"),
    )


def dyno(answer: Answer) -> Dyno:
    release = answer.maybe_child("release")
    return Dyno(
        id=answer.text("id"),
        name=answer.text("name"),
        type=answer.text("type"),
        size=answer.text("size"),
        state=answer.text("state"),
        command=answer.text_or("command", ""),
        release=release.integer("version") if release else 0,
    )


def dyno_size(answer: Answer) -> DynoSize:
    return DynoSize(
        name=answer.text("name"),
        memory_mb=round(answer.number_or("memory", 0) * 1024),
        monthly_cents=_monthly_cents(answer.maybe_child("cost")),
        dedicated=answer.flag("dedicated"),
    )


def addon(answer: Answer) -> Addon:
    return Addon(
        id=answer.text("id"),
        name=answer.text("name"),
        app=answer.child("app").text("name"),
        service=answer.child("addon_service").text("name"),
        plan=answer.child("plan").text("name"),
        state=answer.text("state"),
        config_vars=answer.texts("config_vars"),
        monthly_cents=_monthly_cents(answer.maybe_child("billed_price")),
    )


def attachment(answer: Answer) -> Attachment:
    owner = answer.child("addon")
    name = answer.text("name")
    return Attachment(
        id=answer.text("id"),
        name=name,
        app=answer.child("app").text("name"),
        addon_id=owner.text("id"),
        addon=owner.text("name"),
        addon_app=owner.child("app").text("name"),
        namespace=answer.maybe_text("namespace"),
        # The list comes only where the API honours Accept-Inclusion; NAME_URL is what data add-ons set.
        config_vars=answer.texts("config_vars") or (f"{name}_URL",),
    )


def plan(answer: Answer) -> Plan:
    return Plan(
        name=answer.text("name"),
        service=answer.child("addon_service").text("name"),
        monthly_cents=_monthly_cents(answer.maybe_child("price")),
    )


def release(answer: Answer) -> Release:
    slug_ = answer.maybe_child("slug")
    return Release(
        id=answer.text("id"),
        version=answer.integer("version"),
        status=answer.text_or("status", "succeeded"),
        description=answer.text_or("description", ""),
        current=answer.flag("current"),
        slug=slug_.text("id") if slug_ else None,
        created_at=answer.text_or("created_at", ""),
    )


def slug(answer: Answer) -> Slug:
    types = answer.maybe_child("process_types")
    return Slug(id=answer.text("id"), process_types=types.pairs() if types else ())


def domain(answer: Answer) -> Domain:
    return Domain(
        hostname=answer.text("hostname"),
        kind=answer.text("kind"),
        cname=answer.maybe_text("cname"),
        acm_status=answer.maybe_text("acm_status"),
        acm_reason=answer.maybe_text("acm_status_reason"),
        endpoint=_name(answer, "sni_endpoint"),
    )


def pipeline(answer: Answer) -> Pipeline:
    return Pipeline(id=answer.text("id"), name=answer.text("name"))


def coupling(answer: Answer) -> Coupling:
    return Coupling(
        app_id=answer.child("app").text("id"),
        pipeline_id=answer.child("pipeline").text("id"),
        stage=answer.text("stage"),
    )


def drain(answer: Answer) -> Drain:
    url = answer.maybe_text("url")
    owner = answer.maybe_child("addon")
    return Drain(
        id=answer.text("id"),
        token=Secret(answer.text("token")),
        url=Secret(url) if url else None,
        addon=owner.text_or("name", "") if owner else None,
        host=(urlsplit(url).hostname or "") if url else "",
    )


def database_status(answer: Answer) -> DatabaseStatus:
    facts = _facts(answer)
    used, _, limit = facts.get("Connections", "").partition("/")
    return DatabaseStatus(
        addon_id=answer.text("addon_id"),
        name=answer.text("name"),
        plan=answer.text("plan"),
        version=answer.text_or("postgres_version", facts.get("PG Version", "")),
        bytes=int(answer.number_or("num_bytes", 0)),
        tables=int(answer.number_or("num_tables", 0)),
        connections=int(answer.number_or("num_connections", _whole(used))),
        connection_limit=_whole(limit),
        status=facts.get("Status", ""),
        following=answer.maybe_text("following") or facts.get("Following"),
        forked_from=answer.maybe_text("forked_from") or facts.get("Forked From"),
        followers=answer.listed("info", "Followers"),
        plan_bytes=plan_bytes(facts.get("Data Size", "")),
        pooling=facts.get("Connection Pooling", ""),
        maintenance=facts.get("Maintenance", ""),
        maintenance_window=facts.get("Maintenance window", ""),
        rollback=facts.get("Rollback", ""),
        continuous_protection=facts.get("Continuous Protection", ""),
        encryption=facts.get("Data Encryption", ""),
    )


def cache_status(answer: Answer) -> CacheStatus:
    facts = _facts(answer)
    return CacheStatus(
        addon_id=answer.text("addon_id"),
        name=answer.text("name"),
        plan=answer.text("plan"),
        version=answer.text_or("version", facts.get("Version", "")),
        status=facts.get("Status", ""),
        eviction=facts.get("Maxmemory", ""),
        timeout=facts.get("Timeout", ""),
        persistence=facts.get("Persistence", ""),
        maintenance_window=facts.get("Maintenance window", ""),
    )


def backup(answer: Answer) -> Backup:
    return Backup(
        id=answer.text("uuid"),
        number=int(answer.number_or("num", 0)),
        source=answer.text_or("from_name", ""),
        finished_at=answer.maybe_text("finished_at"),
        succeeded=answer.maybe_flag("succeeded") if answer.maybe_text("finished_at") else None,
        bytes=int(answer.number_or("processed_bytes", 0)),
    )


def _name(answer: Answer, key: str) -> str | None:
    child = answer.maybe_child(key)
    return child.maybe_text("name") if child else None


def _facts(answer: Answer) -> dict[str, str]:
    """Return the rows of ``info``, which the CLI prints as a table, as texts: the first value of each."""
    return {row.text("name"): row.first("values") for row in answer.children("info")}


def _whole(text: str) -> int:
    """Return the first whole number in a text, 0 without one.

    >>> _whole("120"), _whole("1,000 max"), _whole("")
    (120, 1000, 0)
    """
    found = re.search(r"\d+", text.replace(",", ""))
    return int(found[0]) if found else 0


_UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}


def plan_bytes(text: str) -> int:
    """Return what the plan offers, from the row ``Data Size``: 0 where it does not say.

    >>> plan_bytes("8.58 MB / 64 GB (0.01%)"), plan_bytes("8.58 MB")
    (68719476736, 0)
    """
    found = re.search(r"/\s*([\d.]+)\s*([KMGT]?B)", text)
    return round(float(found[1]) * _UNITS[found[2]]) if found else 0


def _monthly_cents(price: Answer | None) -> int:
    if price is None:
        return 0
    cents = price.number_or("cents", 0)
    return round(cents * HOURS_PER_MONTH) if price.text_or("unit", "month") == "hour" else round(cents)
