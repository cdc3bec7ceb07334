"""Which config vars tie an app to Heroku, to a database, or to another app?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...discover.model import App, Cache, ConfigVar, Database
from . import commands
from .kinds import Case, Kind, Rule, many, process_name
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject
from .pooling import lines_with

_METADATA = Source("Heroku Dev Center, Dyno metadata; Heroku's buildpacks' profile.d scripts", "2026-11")
_ATTACHMENTS = Source("Heroku Platform API, config vars: attachment values cannot be overwritten", "2026-11")

COPIED_DATABASE = Kind(
    "database-url-copied", Subject.ATTACHMENTS, Severity.BLOCKS, "A copy of a database's address in a config var of its own",
    "Nothing tells offramp that this variable is that database, so it would go on writing to Heroku's after the switch; and when Heroku "
    "rotates the password, the copy stays as it was.", _ATTACHMENTS,
)  # fmt: skip
COPIED_CACHE = Kind(
    "cache-url-copied", Subject.ATTACHMENTS, Severity.FIRST, "A copy of a cache's address in a config var of its own",
    "It would go on using Heroku's cache after the switch: jobs queued there are seen by no worker on AWS.", _ATTACHMENTS,
)  # fmt: skip
LOOKS_LIKE_DATABASE = Kind(
    "database-address-unowned", Subject.ATTACHMENTS, Severity.FIRST, "The address of a data store that no add-on owns",
    "It may be a copy written another way, or a database elsewhere. A copy is a hidden writer; a database elsewhere must be reached "
    "from AWS, and may allow only known addresses.", _ATTACHMENTS,
)  # fmt: skip
OWNED = Kind(
    "attachment-owned", Subject.ATTACHMENTS, Severity.KNOW, "Variables that an add-on owns",
    "Heroku refuses to set them. On AWS they are ordinary: offramp gives each service the pooler's or the new cache's address under the "
    "same name. Whoever points a Heroku app elsewhere must detach the add-on first.", _ATTACHMENTS,
)  # fmt: skip
COPIED_SECRET = Kind(
    "secret-shared", Subject.SECRETS, Severity.KNOW, "One secret in several apps",
    "Each app gets its own copy on AWS, as today: to rotate it, change it in all of them at once. Apps that sign for each other need the "
    "same value on both sides while the move lasts.", Source("offramp: salted fingerprints of config values", "2026-11"),
)  # fmt: skip
STAGING_SECRET = Kind(
    "secret-shared-with-staging", Subject.SECRETS, Severity.AFTER, "Staging holds production's secret",
    "Whoever can read staging can act as production, and a load test of staging may do so by accident.",
    Source("offramp: salted fingerprints of config values", "2026-11"),
)  # fmt: skip
DYNO_NAMES = Kind(
    "dyno-assumptions", Subject.DYNO, Severity.FIRST, "Code or commands that read what only a dyno has",
    "DYNO, HEROKU_* and the limits of a dyno are not set on AWS; PORT is. Code that takes their absence for a developer's machine "
    "switches off what production needs.", _METADATA,
)  # fmt: skip
CONCURRENCY = Kind(
    "concurrency-from-the-dyno", Subject.DYNO, Severity.FIRST, "The number of workers comes from the dyno's size",
    "Without an option or a config var, WEB_CONCURRENCY is what the buildpack makes of the dyno's memory. In another image it may be "
    "unset: one worker then serves what several did.", _METADATA,
)  # fmt: skip
PROXY_TRUST = Kind(
    "proxy-trust-from-the-buildpack", Subject.DYNO, Severity.FIRST, "The server trusts the proxy because the buildpack says so",
    "Heroku's Python buildpack sets FORWARDED_ALLOW_IPS=*. Without it the server takes only a proxy on its own host for one: the app "
    "sees http instead of https, and redirects for ever or builds wrong links.", _METADATA,
)  # fmt: skip
KINDS = (
    COPIED_DATABASE, COPIED_CACHE, LOOKS_LIKE_DATABASE, OWNED, COPIED_SECRET, STAGING_SECRET, DYNO_NAMES, CONCURRENCY, PROXY_TRUST,
)  # fmt: skip

_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|CREDENTIAL|API_?KEY|_KEY$|SALT|_DSN$")
_DATABASE_NAME = re.compile(
    r"(DATABASE|POSTGRES(QL)?|PG)_?(URL|URI|DSN)$|^PGHOST$|^DB_HOST$|^POSTGRES_HOST$|SQLALCHEMY_DATABASE_URI$"
)
_DYNO_VARIABLES = re.compile(r"^(DYNO|DYNO_RAM|HEROKU_\w+|WEB_MEMORY|MEMORY_AVAILABLE)$")
_DYNO_IN_CODE = re.compile(
    r"""["'{]?\b(DYNO|HEROKU_(APP_NAME|APP_ID|DYNO_ID|SLUG_COMMIT|SLUG_DESCRIPTION|RELEASE_VERSION|RELEASE_CREATED_AT|PR_NUMBER|BRANCH))\b["'}]"""
)
# What Heroku gives to every app or takes from an add-on: no assumption by itself.
_HARMLESS = re.compile(r"^HEROKU_(POSTGRESQL_|REDIS_|KAFKA_)")


def _copies(case: Case, stores: Iterable[Database | Cache]) -> Iterator[tuple[App, ConfigVar, Database | Cache]]:
    """Yield config vars that no add-on owns and that lead to one of these stores: by discovery's word, or by the same fingerprint."""
    for store in stores:
        told = {tuple(place.split(":", 1)) for place in store.copied_to}
        places = {tuple(place.split(":", 1)) for place in store.attached_to}
        prints = {
            one.fingerprint
            for app in case.estate.apps
            for one in app.config
            if one.attachment and (app.name, one.name) in places
        }
        for app in case.estate.apps:
            yield from (
                (app, one, store)
                for one in app.config
                if not one.attachment and (one.fingerprint in prints or (app.name, one.name) in told)
            )


def copied_databases(case: Case) -> Iterator[Finding]:
    for app, variable, database in _copies(case, case.estate.databases):
        yield COPIED_DATABASE.found(
            [app.name, database.app],
            [f"{app.name} {variable.name}"],
            [
                f"{variable.name} of {app.name} leads to {database.addon}, which {database.app} has as {database.config_var}."
            ],
            *_attach(app, variable, database),
            database=database.addon,
        )


def copied_caches(case: Case) -> Iterator[Finding]:
    for app, variable, cache in _copies(case, case.estate.caches):
        yield COPIED_CACHE.found(
            [app.name, cache.app],
            [f"{app.name} {variable.name}"],
            [f"{variable.name} of {app.name} leads to {cache.addon}, which {cache.app} has as {cache.config_var}."],
            *_attach(app, variable, cache),
        )


def _attach(app: App, variable: ConfigVar, store: Database | Cache) -> Iterator[Mend]:
    own = next((place.partition(":")[2] for place in store.attached_to if place.partition(":")[0] == app.name), None)
    if own:
        yield Steps((f"Let {app.name} read {own}, which its attachment owns, and remove {variable.name}.",))
    elif variable.name.endswith("_URL"):
        yield Commands((
            f"heroku config:unset {variable.name} -a {app.name}",
            f"heroku addons:attach {store.addon} --as {variable.name.removesuffix('_URL')} -a {app.name}",
            "# Between the two lines the app restarts without the variable: do it in a quiet minute.",
        ))  # fmt: skip
    else:
        name = re.sub(r"_?(URI|DSN)$", "", variable.name) or "DATABASE"
        yield Commands((f"heroku addons:attach {store.addon} --as {name} -a {app.name}",))
        yield Steps((f"Let {app.name} read {name}_URL, and remove {variable.name}.",))


def unowned_databases(case: Case) -> Iterator[Finding]:
    stores: tuple[Database | Cache, ...] = (*case.estate.databases, *case.estate.caches)
    copied = {(app.name, one.name) for app, one, _ in _copies(case, stores)}
    for app in case.estate.apps:
        names = [
            one.name
            for one in app.config
            if not one.attachment
            and (one.endpoint or _DATABASE_NAME.search(one.name))
            and (app.name, one.name) not in copied
        ]
        if names:
            yield LOOKS_LIKE_DATABASE.found(
                [app.name],
                [f"{app.name} {name}" for name in names],
                [f"{app.name} has {', '.join(names)}, set by hand, with another value than any add-on's."],
                Commands(tuple(f"heroku config:get {name} -a {app.name}" for name in names)),
                Steps((
                    "If its host is that of a Heroku database, attach that add-on and remove the variable.",
                    "If it is a database elsewhere, let it accept the addresses of the NAT gateway before traffic moves.",
                )),
                certain=False,
            )  # fmt: skip


def owned(case: Case) -> Iterator[Finding]:
    """One finding for all: the stores that move, and the variables in which apps find them."""
    stores: tuple[Database | Cache, ...] = (*case.estate.databases, *case.estate.caches)
    places = [place for store in stores for place in store.attached_to]
    if places:
        yield OWNED.found(
            [place.partition(":")[0] for place in places],
            [place.replace(":", " ") for place in places],
            [f"{many(len(places), 'variable')} of {many(len({place.partition(':')[0] for place in places}), 'app')}."],
            Steps(("Nothing before the move. A variable of the same name on AWS wins over Heroku's.",)),
        )


def shared_secrets(case: Case) -> Iterator[Finding]:
    holders: dict[str, list[tuple[App, str]]] = {}
    for app in case.estate.apps:
        for one in app.config:
            if not one.attachment and _SECRET.search(one.name) and not _DATABASE_NAME.search(one.name):
                holders.setdefault(one.fingerprint, []).append((app, one.name))
    for places in holders.values():
        apps = {app.name: app.pipeline_stage for app, _ in places}
        if len(apps) < 2:
            continue
        stages = set(apps.values())
        staging = "production" in stages and len(stages - {None}) > 1
        kind = STAGING_SECRET if staging else COPIED_SECRET
        named = ", ".join(f"{name} of {app.name}" for app, name in places)
        mend = (
            "Make a value of its own for staging where the service on the other end gives out several."
            if staging
            else "Nothing before the move. Rotate it in all apps at once."
        )
        yield kind.found(
            apps,
            [f"{app.name} {name}" for app, name in places],
            [f"{named} have one value (told by a salted fingerprint)."],
            Steps((mend,)),
        )


def dyno_names(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        objects, seen = [], []
        for process in app.processes:
            if names := [name for name in commands.variables(process.command) if _DYNO_VARIABLES.match(name)]:
                objects += [f"{process_name(app, process)} {name}" for name in names]
                seen.append(f"{process_name(app, process)} runs `{process.command}`.")
        names = [
            one.name
            for one in app.config
            if not one.attachment and _DYNO_VARIABLES.match(one.name) and not _HARMLESS.match(one.name)
        ]
        objects += [f"{app.name} {name}" for name in names]
        seen += [
            f"{app.name} has the config var {name}, which Heroku or a person set after Heroku's own." for name in names
        ]
        lines = [
            line for file in case.readings.of_app(app.name) for line in lines_with(_DYNO_IN_CODE, file.path, file.text)
        ]
        if "runtime-dyno-metadata" in app.features:
            objects.append(f"{app.name} runtime-dyno-metadata")
            seen.append(
                f"{app.name} has the feature runtime-dyno-metadata, which sets HEROKU_APP_NAME and the like in every dyno."
            )
        objects += [line.partition(": ")[0] for line in lines]
        if objects:
            yield DYNO_NAMES.found(
                [app.name],
                objects,
                [*seen, *lines],
                Steps((
                    "Ask for a variable of your own (say APP_ENV) where DYNO tells production from a developer's machine.",
                    "Set what is needed under env of the services in blueprint.toml; the release is in the image's tag.",
                )),
                certain=not lines or bool(seen),
            )  # fmt: skip


# What the Python and Node.js buildpacks make of the size where nobody said: workers for shared dynos.
_BY_SIZE = {"eco": 2, "basic": 2, "standard-1x": 2, "standard-2x": 4, "performance-m": 5, "performance-l": 17}


def concurrency(case: Case) -> Iterator[Finding]:
    found = []
    for app, process in case.running():
        command = commands.read(process.command)
        names = {one.name for one in app.config}
        asks = "WEB_CONCURRENCY" in commands.variables(process.command)
        silent = command.program == "gunicorn" and command.option("--workers", "-w") is None
        configured = any("workers" in file.text for file in case.readings.of_app(app.name) if "gunicorn" in file.path)
        if "WEB_CONCURRENCY" in names or configured or not (asks or silent):
            continue
        found.append((app, process))
    if found:
        yield CONCURRENCY.found(
            [app.name for app, _ in found],
            [process_name(*one) for one in found],
            [f"{process_name(*one)} runs `{one[1].command}` on {one[1].size}, and {one[0].name} has no WEB_CONCURRENCY." for one in found],
            Commands((
                "# Ask what it is today (a one-off dyno of the same size), and write that down:",
                *(f"heroku run --size {process.size.casefold()} -a {app.name} 'echo $WEB_CONCURRENCY'" for app, process in found),
                *(f"heroku config:set WEB_CONCURRENCY={_BY_SIZE.get(process.size.casefold(), 2)} -a {app.name}" for app, process in found),
            )),
        )  # fmt: skip


# Code for which it matters whether a request came over TLS.
_ASKS_SCHEME = re.compile(
    r"SECURE_SSL_REDIRECT|is_secure|build_absolute_uri|CsrfViewMiddleware|_external|request\.(scheme|url)\b|HTTPSRedirectMiddleware|url_root"
)


def proxy_trust(case: Case) -> Iterator[Finding]:
    found = []
    for app, process in case.running():
        command = commands.read(process.command)
        if command.program not in ("gunicorn", "uvicorn") or process.type != "web":
            continue
        said = command.option("--forwarded-allow-ips") or any(one.name == "FORWARDED_ALLOW_IPS" for one in app.config)
        configured = any(
            "forwarded_allow_ips" in file.text or "SECURE_PROXY_SSL_HEADER" in file.text
            for file in case.readings.of_app(app.name)
        )
        python = any("python" in buildpack for buildpack in app.buildpacks)
        files = case.readings.of_app(app.name)
        asks = not files or any(_ASKS_SCHEME.search(file.text) for file in files)
        if python and asks and not said and not configured:
            found.append((app, process))
    if found:
        apps = list(dict.fromkeys(app.name for app, _ in found))
        yield PROXY_TRUST.found(
            apps,
            [process_name(*one) for one in found],
            [
                f"{process_name(*one)} runs `{one[1].command}`; no option and no config var says whom it trusts."
                for one in found
            ],
            Commands(tuple(f"heroku config:set FORWARDED_ALLOW_IPS='*' -a {app}" for app in apps)),
            certain=False,
        )


RULES: tuple[Rule, ...] = (
    copied_databases, copied_caches, unowned_databases, owned, shared_secrets, dyno_names, concurrency, proxy_trust,
)  # fmt: skip
