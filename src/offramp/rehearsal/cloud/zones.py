"""What do Route 53's zones and the load balancers' names say right now? Read from ministack, again after each change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

import aiohttp

from .control import Control
from .wire import AwsError, strip_namespaces

log = logging.getLogger(__name__)

# Changes are announced (``invalidate``); this is for those that nobody announced.
FRESH_SECONDS = 3.0
# While CloudFormation keeps ministack busy, an answer of the last reading is better than none.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Record:
    """One record set; ``weight`` is None for a simple one. ``alias`` records name their target in ``values``."""

    name: str
    kind: str
    values: tuple[str, ...]
    weight: int | None = None
    alias: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All zones, all record sets by name and type, and the target groups behind each load balancer's DNS name."""

    zones: frozenset[str] = frozenset()
    records: dict[tuple[str, str], tuple[Record, ...]] = field(default_factory=dict)
    balancers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    full_names: dict[str, str] = field(default_factory=dict)

    def zone_of(self, name: str) -> str | None:
        """Return the zone that is authoritative for a name: the longest that fits."""
        fitting = [zone for zone in self.zones if name == zone or name.endswith(f".{zone}")]
        return max(fitting, key=len, default=None)


def normal(name: str) -> str:
    r"""Return a DNS name as we compare it; Route 53 writes a star as ``\052``.

    >>> normal("\\052.Example.COM.")
    '*.example.com'
    """
    return name.replace("\\052", "*").rstrip(".").lower()


def records_of(answer: ElementTree.Element) -> list[Record]:
    """Read ListResourceRecordSets."""
    found = []
    for each in answer.iter("ResourceRecordSet"):
        alias = each.find("AliasTarget")
        weight = each.findtext("Weight")
        if alias is not None:
            values: tuple[str, ...] = (normal(alias.findtext("DNSName") or ""),)
        else:
            values = tuple(value.text or "" for value in each.iterfind("ResourceRecords/ResourceRecord/Value"))
        name, kind = normal(each.findtext("Name") or ""), each.findtext("Type") or ""
        found.append(Record(name, kind, values, int(weight) if weight is not None else None, alias is not None))
    return found


@dataclass
class Zones:
    """Keeps one picture and refreshes it when somebody asks."""

    control: Control
    picture: Picture = field(default_factory=Picture)
    _read_at: float = 0
    _changes: int = 1
    _known_changes: int = 0
    _reading: asyncio.Task[None] | None = None

    def invalidate(self) -> None:
        """Something was changed: the next answer must know it."""
        self._changes, self._reading = self._changes + 1, None

    async def now(self) -> Picture:
        """Return the picture after the last announced change, if ministack answers in time."""
        behind = self._known_changes < self._changes
        if behind or time.monotonic() - self._read_at > FRESH_SECONDS:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.ensure_future(self._read())
            if behind:
                await asyncio.wait([self._reading], timeout=PATIENCE_SECONDS)
        return self.picture

    async def _read(self) -> None:
        changes, self._read_at = self._changes, time.monotonic()
        try:
            (zones, found), (groups, names) = await asyncio.gather(self._records(), self._balancers())
        except (AwsError, aiohttp.ClientError, OSError) as broken:
            log.warning("zones could not be read: %s", broken)
            return
        if changes >= self._known_changes:
            self.picture, self._known_changes = Picture(zones, found, groups, names), changes

    async def _records(self) -> tuple[frozenset[str], dict[tuple[str, str], tuple[Record, ...]]]:
        listing = strip_namespaces(await self.control.get("route53", "/2013-04-01/hostedzone"))
        names, found = set(), dict[tuple[str, str], tuple[Record, ...]]()
        for zone in listing.iter("HostedZone"):
            # Cloud Map's namespaces show up as zones, too; their names are answered from registrations.
            identifier = (zone.findtext("Id") or "").rpartition("/")[2]
            names.add(normal(zone.findtext("Name") or ""))
            answer = strip_namespaces(await self.control.get("route53", f"/2013-04-01/hostedzone/{identifier}/rrset"))
            for record in records_of(answer):
                key = (record.name, record.kind)
                found[key] = (*found.get(key, ()), record)
        return frozenset(names), found

    async def _balancers(self) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        listing = await self.control.query("elasticloadbalancing", "DescribeLoadBalancers")
        groups: dict[str, tuple[str, ...]] = {}
        names: dict[str, str] = {}
        for each in listing.iterfind(".//LoadBalancers/member"):
            arn = each.findtext("LoadBalancerArn") or ""
            behind = await self._groups_behind(arn)
            groups[normal(each.findtext("DNSName") or "")] = behind
            names |= dict.fromkeys(behind, arn.partition(":loadbalancer/")[2])
        return groups, names

    async def _groups_behind(self, balancer: str) -> tuple[str, ...]:
        listeners = await self.control.query("elasticloadbalancing", "DescribeListeners", LoadBalancerArn=balancer)
        found: list[str] = []
        for listener in listeners.iterfind(".//Listeners/member"):
            found += _forwards(listener)
            arn = listener.findtext("ListenerArn") or ""
            rules = await self.control.query("elasticloadbalancing", "DescribeRules", ListenerArn=arn)
            found += [group for rule in rules.iterfind(".//Rules/member") for group in _forwards(rule)]
        return tuple(dict.fromkeys(found))


def _forwards(element: ElementTree.Element) -> Sequence[str]:
    return [group.text for group in element.iter("TargetGroupArn") if group.text]
