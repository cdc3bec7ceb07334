"""Where do apps stand, how far is it to their data, and from which addresses do they speak?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...discover.model import App
from .kinds import Case, Kind, Rule, users
from .model import Commands, Finding, Severity, Source, Steps, Subject

_REGIONS = Source("Heroku Dev Center, Regions: us is us-east-1, eu is eu-west-1", "2026-11")

DISTANCE = Kind(
    "region-apart", Subject.REGIONS, Severity.FIRST, "The planned region is not the one where the app's data is",
    "Until the switch, apps on AWS ask Heroku's databases. Within a region that is about a millisecond a query; between regions every "
    "query pays the distance.", _REGIONS,
)  # fmt: skip
SPLIT = Kind(
    "regions-in-one-wave", Subject.REGIONS, Severity.FIRST, "Apps that work together stand in different regions",
    "offramp moves to one region: for some of them the distance to the others, to their data or to their users changes.", _REGIONS,
)  # fmt: skip
REGION = Kind(
    "region", Subject.REGIONS, Severity.KNOW, "The region in which Heroku runs these apps",
    "The same region on AWS keeps the distance to Heroku's databases below a millisecond or two while the move lasts.", _REGIONS,
)  # fmt: skip
UNKNOWN_REGION = Kind(
    "region-unknown", Subject.REGIONS, Severity.AFTER, "A region that offramp does not know",
    "Private Spaces exist in more regions than us and eu; the right one on AWS bears nearly the same name.", _REGIONS,
)  # fmt: skip
FIXED = Kind(
    "static-outbound-addresses", Subject.ADDRESSES, Severity.FIRST, "Somebody may know this app by its outbound address",
    "On AWS everything goes out by the NAT gateway's address. Who allows only known addresses (banks, partners, databases) must have been "
    "told of the new one before traffic moves, and keep the old one until the way back is closed.",
    Source("Heroku Dev Center, Private Spaces: stable outbound IPs; the proxies' own pages; AWS, NAT gateways", "2026-11"),
)  # fmt: skip
SPACE = Kind(
    "private-space", Subject.SPACES, Severity.FIRST, "A Private Space",
    "What is reached inside it or over its peerings (data, internal apps, an office by VPN) must be reached from the new network too, "
    "and the two networks must not use the same addresses.",
    Source("Heroku Dev Center, Private Spaces and peering; spaces API: cidr, data_cidr", "2026-11"),
)  # fmt: skip
SHIELD = Kind(
    "shield-space", Subject.SPACES, Severity.FIRST, "A Shield Space",
    "It was chosen for rules on health or card data. On AWS the same needs an agreement of your own (AWS Artifact), keys of your own, and "
    "logs that record access.", Source("Heroku Dev Center, Shield Private Spaces; AWS, HIPAA eligible services", "2026-11"),
)  # fmt: skip
FIR = Kind(
    "fir-generation", Subject.SPACES, Severity.BLOCKS, "An app of Heroku's Fir generation",
    "It has no log drains (telemetry goes out as OTLP only) and other dynos; offramp moves Cedar apps.",
    Source("Heroku Dev Center, Generations: Cedar and Fir", "2026-11"),
)  # fmt: skip
INTERNAL = Kind(
    "internal-routing", Subject.SPACES, Severity.FIRST, "An app that is reached from within its space only",
    "offramp puts web processes behind a public load balancer; this one must not become public.",
    Source("Heroku Platform API, apps: internal_routing", "2026-11"),
)  # fmt: skip
KINDS = (DISTANCE, SPLIT, REGION, UNKNOWN_REGION, FIXED, SPACE, SHIELD, FIR, INTERNAL)

HOMES = {
    "us": "us-east-1", "eu": "eu-west-1", "virginia": "us-east-1", "oregon": "us-west-2", "dublin": "eu-west-1", "frankfurt": "eu-central-1",
    "london": "eu-west-2", "montreal": "ca-central-1", "mumbai": "ap-south-1", "singapore": "ap-southeast-1", "sydney": "ap-southeast-2",
    "tokyo": "ap-northeast-1",
}  # fmt: skip
"""Which AWS region each of Heroku's stands in."""
# Milliseconds for a round trip, rounded; good for an order of magnitude only.
_CONTINENTS = {"us": "america", "ca": "america", "eu": "europe", "ap": "asia"}
_WITHIN_MS, _BETWEEN_MS, _FAR_MS = 30, 80, 200
_PROXY_SERVICES = ("fixie", "quotaguard", "proximo", "ipburger")
_PROXY_VARS = re.compile(r"^(FIXIE|QUOTAGUARD\w*|PROXIMO|IPB)_\w*(URL|HOST)\w*$")


def home(app: App) -> str | None:
    return HOMES.get(app.region)


def round_trip_ms(one: str, other: str) -> int:
    """Return about how long a packet takes there and back; an order of magnitude.

    >>> round_trip_ms("eu-west-1", "us-east-1"), round_trip_ms("us-east-1", "us-west-2"), round_trip_ms("us-east-1", "us-east-1")
    (80, 30, 1)
    """
    if one == other:
        return 1
    lands = {_CONTINENTS.get(place.partition("-")[0], "elsewhere") for place in (one, other)}
    if len(lands) == 1:
        return _WITHIN_MS
    return _BETWEEN_MS if lands == {"america", "europe"} else _FAR_MS


def regions(case: Case) -> Iterator[Finding]:
    """What is planned against where Heroku is, once it is known what is planned; else only where Heroku is."""
    planned = case.readings.target.region
    known = {app.name: region for app in case.estate.apps if (region := home(app))}
    if planned is None:
        for region in sorted(set(known.values())):
            apps = [name for name, place in known.items() if place == region]
            yield REGION.found(
                apps,
                [region],
                [f"{', '.join(apps)}: {region}."],
                Steps((f'Set region = "{region}" under [aws] in offramp.toml.',)),
            )
        return
    apart = [name for name, place in known.items() if place != planned]
    if apart:
        yield DISTANCE.found(
            apart,
            [planned],
            [line for name in apart for line in _distance(case, name, known[name], planned)],
            Steps(
                (
                    f"Plan {known[apart[0]]}, or move these apps' data first and bear the distance for the hours between.",
                )
            ),
        )


def _distance(case: Case, app: str, here: str, planned: str) -> Iterator[str]:
    trip = round_trip_ms(here, planned)
    queries = next((one.queries_per_request for one in case.readings.traffic if one.app == app), None)
    yield f"{app} is in {here}, {planned} is planned: about {trip} ms a query."
    if queries and any(app in users(database) for database in case.estate.databases):
        yield f"{app} asks {queries:.0f} queries a request: about {queries * trip / 1000:.1f} s more for each request until the switch."


def split(case: Case) -> Iterator[Finding]:
    known = {home(app) for app in case.estate.apps if home(app)}
    if len(known) > 1:
        yield SPLIT.found(
            [app.name for app in case.estate.apps],
            sorted(region for region in known if region),
            [f"{app.name}: {app.region} ({home(app)})." for app in case.estate.apps if home(app)],
            Steps(
                (
                    "Move one region at a time: name its apps under heroku.apps in offramp.toml, and keep a directory for each.",
                )
            ),
        )


def unknown_regions(case: Case) -> Iterator[Finding]:
    if apps := [app for app in case.estate.apps if home(app) is None]:
        yield UNKNOWN_REGION.found(
            [app.name for app in apps],
            sorted({app.region for app in apps}),
            [f"{app.name}: {app.region}." for app in apps],
            Commands(("heroku regions --json",)),
        )


def fixed_addresses(case: Case) -> Iterator[Finding]:
    services = [other for other in case.estate.others if other.service.startswith(_PROXY_SERVICES)]
    variables = [(app.name, one.name) for app in case.estate.apps for one in app.config if _PROXY_VARS.match(one.name)]
    spaces = [space for space in case.estate.spaces if space.outbound]
    inside = [app.name for app in case.estate.apps if app.space in {space.name for space in spaces}]
    apps = [*(other.app for other in services), *(app for app, _ in variables), *inside]
    if apps:
        yield FIXED.found(
            apps,
            [*(other.addon for other in services), *(f"{app} {name}" for app, name in variables), *(space.name for space in spaces)],
            [
                *(f"{other.app} has the add-on {other.addon} ({other.service})." for other in services),
                *(f"{app} has the config var {name}." for app, name in variables),
                *(f"The space {space.name} goes out by {', '.join(space.outbound)}." for space in spaces),
            ],
            Commands((
                "# The new addresses, once the network stands:",
                "aws ec2 describe-nat-gateways --query 'NatGateways[].NatGatewayAddresses[].PublicIp'",
            )),
            Steps((
                "Ask everybody who allow-lists you to add them, weeks before the traffic moves.",
                "Calls that go through the proxy by its URL go on through it: take the proxy out of the code once the new address is known.",
            )),
        )  # fmt: skip


def _space_kind(app: App) -> str | None:
    sizes = " ".join(process.size.casefold() for process in app.processes)
    return "shield" if "shield-" in sizes else "private" if "private-" in sizes or app.space else None


def spaces(case: Case) -> Iterator[Finding]:
    shielded = {space.name for space in case.estate.spaces if space.shield}
    private = [app for app in case.estate.apps if _space_kind(app) == "private" and app.space not in shielded]
    shield = [app for app in case.estate.apps if _space_kind(app) == "shield" or app.space in shielded]
    for kind, apps in ((SPACE, private), (SHIELD, shield)):
        if not apps:
            continue
        names = sorted({app.space for app in apps if app.space})
        told = [space for space in case.estate.spaces if space.name in names]
        yield kind.found(
            [app.name for app in apps],
            names or [app.name for app in apps],
            [f"{app.name} runs {', '.join(sorted({process.size for process in app.processes}))}." for app in apps]
            + [f"{space.name}: {space.cidr}, data {space.data_cidr}." for space in told],
            *([Commands(tuple(
                line for name in names for line in (f"heroku spaces:peerings --space {name}", f"heroku spaces:vpn:connections --space {name}")
            ))] if names else []),
            Steps((
                f"Choose design.cidr in offramp.toml outside {', '.join(f'{space.cidr} and {space.data_cidr}' for space in told)}."
                if told else "Choose design.cidr in offramp.toml outside the space's networks , which `heroku spaces:info --space NAME` shows.",
            )),
        )  # fmt: skip


def fir(case: Case) -> Iterator[Finding]:
    if apps := [app.name for app in case.estate.apps if app.generation == "fir"]:
        yield FIR.found(
            apps,
            apps,
            [f"{app} is of the generation fir." for app in apps],
            Steps((
                "Leave it out with heroku.apps in offramp.toml; its images are Cloud Native already and run on ECS as they are.",
                f"Its logs and traces go to an OTLP collector: `heroku telemetry:add https://otlp.example.com -a {apps[0]}`, with your own address.",
            )),
        )  # fmt: skip


def internal(case: Case) -> Iterator[Finding]:
    if apps := [app.name for app in case.estate.apps if app.internal]:
        yield INTERNAL.found(
            apps,
            apps,
            [f"{app} has internal routing." for app in apps],
            Steps(
                ("Give it no domain in blueprint.toml: other services reach it by its private name in the namespace.",)
            ),
        )


RULES: tuple[Rule, ...] = (regions, split, unknown_regions, fixed_addresses, spaces, fir, internal)
