"""Can public names be moved by DNS, and will a certificate be there in time?"""

from __future__ import annotations

from collections.abc import Iterator

from ...discover.model import App
from .kinds import Case, Kind, Rule
from .model import Commands, Finding, Severity, Source, Steps, Subject

_DNS = Source("Heroku Dev Center, Custom domains; AWS, Route 53 alias records and ACM DNS validation", "2026-11")

APEX = Kind(
    "apex-domain", Subject.DNS, Severity.FIRST, "A name at the top of its zone",
    "Such a name cannot be a CNAME. Traffic is shared by weighted alias records, which only Route 53 has: the whole zone must be served "
    "from there first.", _DNS,
)  # fmt: skip
ZONE = Kind(
    "dns-and-certificates", Subject.DNS, Severity.KNOW, "Names whose DNS and certificates must be prepared days ahead",
    "Heroku's certificates cannot be taken along: their keys cannot be read. Amazon's are issued once DNS proves the name, which takes "
    "minutes to hours and fails where a CAA record does not allow amazon.com. Resolvers keep the old record for its TTL.", _DNS,
)  # fmt: skip
NO_DOMAIN = Kind(
    "no-custom-domain", Subject.DNS, Severity.FIRST, "A web app that is known by its herokuapp.com name only",
    "That name is Heroku's and leads to Heroku for ever: clients that use it cannot be moved by DNS.", _DNS,
)  # fmt: skip
WILDCARD = Kind(
    "wildcard-domain", Subject.DNS, Severity.FIRST, "A wildcard name",
    "offramp moves names one by one. A wildcard needs a certificate for it and one weighted record for all, which go by DNS validation only.",
    _DNS,
)  # fmt: skip
FAILING = Kind(
    "certificate-failing", Subject.DNS, Severity.FIRST, "A certificate that Heroku cannot renew",
    "The name's DNS does not lead where Heroku looks, or a CAA record is in the way: what stops Heroku's authority will mostly stop "
    "Amazon's too.", Source("Heroku Platform API, domains: acm_status", "2026-11"),
)  # fmt: skip
OWN_CERTIFICATE = Kind(
    "certificate-own", Subject.DNS, Severity.AFTER, "Certificates that you brought yourself",
    "Their keys cannot be read back from Heroku. Where clients pin them, or their names are checked by people (EV, OV), a certificate of "
    "Amazon's is not the same: import yours.", Source("Heroku Platform API, SNI endpoints; AWS, ACM import-certificate", "2026-11"),
)  # fmt: skip
SEVERAL_ZONES = Kind(
    "several-zones", Subject.DNS, Severity.FIRST, "Public names in more than one zone",
    "offramp moves the names of one zone at a time.", Source("offramp design: one public hosted zone a blueprint", "2026-11"),
)  # fmt: skip
NO_ZONE = Kind(
    "no-zone", Subject.DNS, Severity.FIRST, "No app has a domain of its own",
    "Traffic moves by DNS, and there is no zone to move it in; `offramp design` refuses until it knows one.",
    Source("offramp design", "2026-11"),
)  # fmt: skip
KINDS = (NO_ZONE, SEVERAL_ZONES, APEX, ZONE, NO_DOMAIN, WILDCARD, FAILING, OWN_CERTIFICATE)

# Endings under which people register names, beyond those with one label; the commonest, not the whole public suffix list.
_TWO_LABELS = frozenset(
    [
        "co.uk",
        "org.uk",
        "gov.uk",
        "ac.uk",
        "com.au",
        "net.au",
        "org.au",
        "co.nz",
        "com.br",
        "com.mx",
        "co.jp",
        "co.in",
        "co.za",
        "com.sg",
        "com.tr",
        "com.cn",
        "com.hk",
        "com.tw",
        "co.kr",
        "com.ar",
    ]
)


def apex(hostname: str) -> bool:
    """Whether a name is one that people register, with nothing before it.

    >>> apex("mentoring.example"), apex("www.mentoring.example"), apex("shop.co.uk"), apex("www.shop.co.uk")
    (True, False, True, False)
    """
    labels = hostname.rstrip(".").split(".")
    return len(labels) == (3 if ".".join(labels[-2:]) in _TWO_LABELS else 2)


def registered(hostname: str) -> str:
    """Return the zone that a name is most likely in.

    >>> registered("a.b.mentoring.example"), registered("www.shop.co.uk")
    ('mentoring.example', 'shop.co.uk')
    """
    labels = hostname.rstrip(".").split(".")
    return ".".join(labels[-3:] if ".".join(labels[-2:]) in _TWO_LABELS else labels[-2:])


def _names(case: Case) -> list[tuple[App, str]]:
    return [(app, domain.hostname) for app in case.estate.apps for domain in app.domains]


def apex_domains(case: Case) -> Iterator[Finding]:
    if found := [(app, name) for app, name in _names(case) if apex(name)]:
        yield APEX.found(
            [app.name for app, _ in found],
            [name for _, name in found],
            [f"{name} belongs to {app.name}." for app, name in found],
            Commands(tuple(f"dig +short NS {name}" for _, name in found)),
            Steps(
                (
                    "Bring all records of the zone into Route 53, compare, and only then change the name servers at the registrar.",
                )
            ),
        )


def zones(case: Case) -> Iterator[Finding]:
    """One finding for each zone: what to ask of DNS days ahead."""
    zones: dict[str, list[tuple[App, str]]] = {}
    for app, name in _names(case):
        if not name.startswith("*."):
            zones.setdefault(registered(name), []).append((app, name))
    for zone, names in sorted(zones.items()):
        yield ZONE.found(
            [app.name for app, _ in names],
            [name for _, name in names],
            [f"{len(names)} name{'s' if len(names) > 1 else ''} in {zone}."],
            Commands((
                "# Who serves the zone, may Amazon issue for it (nothing, or amazon.com among the answers), and how long is it remembered:",
                f"dig +short NS {zone}",
                f"dig +short CAA {zone}",
                *(f"dig +noall +answer {name}" for _, name in names),
            )),
            Steps((
                f"Have {zone} served by Route 53, or delegate to it; lower the TTL of these names to 60 s at least as long ahead as it is now.",
                "Let `offramp run` make the certificate days before traffic moves: it waits until it is issued.",
            )),
        )  # fmt: skip


def several_zones(case: Case) -> Iterator[Finding]:
    names = _names(case)
    zones = sorted({registered(name) for _, name in names})
    if len(zones) > 1:
        yield SEVERAL_ZONES.found(
            [app.name for app, _ in names],
            zones,
            [f"{zone}: {', '.join(name for _, name in names if registered(name) == zone)}." for zone in zones],
            Steps((
                "Say which one with design.zone in offramp.toml, and take the names of the others out of the way: leave their apps out with "
                "heroku.apps, or redirect them to names in the zone that moves.",
            )),
        )  # fmt: skip


def no_zone(case: Case) -> Iterator[Finding]:
    if case.estate.apps and not _names(case):
        apps = [app.name for app in case.estate.apps]
        yield NO_ZONE.found(
            apps,
            apps,
            [f"{', '.join(apps)}: no custom domain."],
            Steps(
                (
                    "Say a zone of yours with design.zone in offramp.toml; apps without a web process need no name in it.",
                )
            ),
        )


def without_domain(case: Case) -> Iterator[Finding]:
    """Web apps with dynos and no name of their own; those that only other apps of the estate call are moved by a config var."""
    called = {one.points_at for app in case.estate.apps for one in app.config} | {
        call.callee for call in case.estate.calls
    }
    found = [
        app
        for app in case.estate.apps
        if not app.domains
        and not app.internal
        and any(process.type == "web" and process.quantity for process in app.processes)
    ]
    for app in found:
        inside = app.name in called
        yield NO_DOMAIN.found(
            [app.name],
            [app.default_host or app.name],
            [f"{app.name} answers to {app.default_host or 'its herokuapp.com name'} only."]
            + ([f"Other apps of the estate call it: {', '.join(_callers(case, app))}."] if inside else []),
            Commands((f"heroku domains:add {app.name}.{_zone(case) or 'example.com'} -a {app.name}",)),
            Steps(
                (
                    "Point the new name at the DNS target that it prints, let every client use it, and watch the old one go quiet.",
                )
            ),
            severity=Severity.KNOW if inside else None,
            certain=not inside,
        )


def _callers(case: Case, callee: App) -> list[str]:
    named = {app.name for app in case.estate.apps if any(one.points_at == callee.name for one in app.config)}
    return sorted(named | {call.caller for call in case.estate.calls if call.callee == callee.name})


def _zone(case: Case) -> str | None:
    return next((registered(name) for _, name in _names(case)), None)


def wildcards(case: Case) -> Iterator[Finding]:
    if found := [(app, name) for app, name in _names(case) if name.startswith("*.")]:
        yield WILDCARD.found(
            [app.name for app, _ in found],
            [name for _, name in found],
            [f"{name} belongs to {app.name}." for app, name in found],
            Commands(tuple(
                f"aws acm request-certificate --domain-name '{name}' --validation-method DNS" for _, name in found
            )),
            Steps(("Name the hosts that are really used one by one, or make the record and the listener rule for the wildcard by hand.",)),
        )  # fmt: skip


def certificates(case: Case) -> Iterator[Finding]:
    failing = [
        (app, domain)
        for app in case.estate.apps
        for domain in app.domains
        if "fail" in (domain.acm_status or "").casefold()
    ]
    if failing:
        yield FAILING.found(
            [app.name for app, _ in failing],
            [domain.hostname for _, domain in failing],
            [f"{domain.hostname}: {domain.acm_status}{f' ({domain.acm_reason})' if domain.acm_reason else ''}." for _, domain in failing],
            Commands(tuple(line for app, domain in failing for line in (
                f"heroku certs:auto -a {app.name}", f"dig +short CAA {registered(domain.hostname)}", f"dig +noall +answer {domain.hostname}"
            ))),
        )  # fmt: skip
    own = [(app, one) for app in case.estate.apps for one in app.certificates if not one.automatic]
    if own:
        yield OWN_CERTIFICATE.found(
            [app.name for app, _ in own],
            [one.name for _, one in own],
            [f"{one.name} of {app.name} for {', '.join(one.hosts)}, from {one.issuer}, until {one.expires_at}." for app, one in own],
            Steps((
                "Unless somebody pins it, do nothing: Certificate Manager issues and renews.",
                "Else import yours with `aws acm import-certificate`, and renew it by hand.",
            )),
        )  # fmt: skip


RULES: tuple[Rule, ...] = (apex_domains, zones, several_zones, no_zone, without_domain, wildcards, certificates)
