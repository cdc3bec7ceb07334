"""Which CloudFormation templates follow from the blueprint? Pure: the files beside this one, stamped with its values."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator

from ..aws.templates import literal, read, stamp
from ..design.model import Blueprint, CachePlan, DatabasePlan
from ..errors import UsageError
from .model import logical_id

PACKAGE = __package__ or "offramp.provision"
# ElastiCache takes 40 characters, RDS 63.
_GROUP_ID_LENGTH, _INSTANCE_ID_LENGTH = 40, 63
_SUBNETS = ("PublicA", "PublicB", "PrivateA", "PrivateB", "DataA", "DataB")


def network(want: Blueprint) -> str:
    """Return the template of the network. Raises UsageError when the blueprint's cidr is too small to divide."""
    blocks = dict(zip(_SUBNETS, subnets(want.cidr), strict=False))
    return stamp(read(PACKAGE, "network.yaml"), Name=want.name, Cidr=want.cidr, GatewayPort=want.gateway.port, **blocks)


def subnets(cidr: str) -> tuple[str, ...]:
    """Divide an address range into eight parts, of which six are used.

    >>> subnets("10.80.0.0/16")[:2]
    ('10.80.0.0/19', '10.80.32.0/19')
    """
    try:
        parts = tuple(str(part) for part in ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=3))
    except ValueError as error:
        raise UsageError(
            f"cidr is {cidr}, which is not an address range: {error}.", hint="Say 10.80.0.0/16."
        ) from error
    if not 16 <= int(cidr.partition("/")[2]) <= 25:
        raise UsageError(f"cidr is {cidr}; a VPC of six subnets needs /16 to /25.", hint="Say 10.80.0.0/16.")
    return parts


def data(want: Blueprint) -> str:
    """Return the template of the databases and caches."""
    made = [*(_database(want, plan) for plan in want.databases), *(_cache(want, plan) for plan in want.caches)]
    return stamp(
        read(PACKAGE, "data.yaml"),
        Name=want.name,
        Resources="".join(resources for resources, _ in made),
        Outputs="".join(outputs for _, outputs in made).rstrip("\n"),
    )


def _database(want: Blueprint, plan: DatabasePlan) -> tuple[str, str]:
    key = logical_id("database", plan.name)
    resources = stamp(
        read(PACKAGE, "database.yaml"),
        Id=key,
        Name=want.name,
        Database=plan.name,
        Major=plan.engine_version.partition(".")[0],
        EngineVersion=plan.engine_version,
        InstanceClass=plan.instance_class,
        StorageGb=plan.storage_gb,
        # Storage grows by itself; twice the size is room for a year, and a bill that surprises nobody.
        MaxStorageGb=plan.storage_gb * 2,
    )
    return resources, stamp(read(PACKAGE, "database-outputs.yaml"), Id=key)


def _cache(want: Blueprint, plan: CachePlan) -> tuple[str, str]:
    key = logical_id("cache", plan.name)
    resources = stamp(
        read(PACKAGE, "cache.yaml"),
        Id=key,
        Name=want.name,
        Cache=plan.name,
        GroupId=shortened(f"{want.name}-{plan.name}", _GROUP_ID_LENGTH),
        NodeType=plan.node_type,
    )
    return resources, stamp(read(PACKAGE, "cache-outputs.yaml"), Id=key)


def shortened(name: str, length: int) -> str:
    """Return the name, or its beginning and a fingerprint when it is too long.

    >>> shortened("mentoring-a-very-long-name", 20)
    'mentoring-a-v-4e8b5a'
    """
    if len(name) <= length:
        return name
    return f"{name[: length - 7]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def platform(want: Blueprint, zone_id: str) -> str:
    """Return the template of the cluster, the load balancer and the roles; ``zone_id`` is where certificates are proved."""
    return stamp(
        read(PACKAGE, "platform.yaml"),
        Name=want.name,
        Namespace=want.namespace,
        GatewayPort=want.gateway.port,
        Https=_https(want, zone_id),
    )


def _https(want: Blueprint, zone_id: str) -> str:
    """Return the certificate and the HTTPS listener; nothing when there is no host name to prove."""
    hostnames = sorted({domain.hostname for domain in want.domains})
    if not hostnames:
        return ""
    first, *others = hostnames
    names = ", ".join(literal(name) for name in others)
    return stamp(
        read(PACKAGE, "https.yaml"),
        First=literal(first),
        Others=f"      SubjectAlternativeNames: [{names}]\n" if others else "",
        Validation="\n".join(
            f"        - {{DomainName: {literal(name)}, HostedZoneId: {zone_id}}}" for name in hostnames
        ),
    )


def repositories(want: Blueprint) -> tuple[str, ...]:
    """Return the ECR repositories that the blueprint's images live in; images of other registries need none of ours."""
    return tuple(sorted(set(_repositories(want))))


def _repositories(want: Blueprint) -> Iterator[str]:
    images = (*(service.image for service in want.services), want.gateway.image, want.pooler.image, want.offramp_image)
    for image in images:
        registry, _, rest = image.partition("/")
        if ".dkr.ecr." in registry:
            yield rest.partition("@")[0].partition(":")[0]
