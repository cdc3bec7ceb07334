"""Are a target group's targets well, and which addresses does a load balancer's name stand for?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import aiohttp

from .control import Control

# A target that nobody has seen healthy yet is asked this often; AWS would wait for the interval.
FIRST_CHECKS_SECONDS = 0.3
CONFIGURATION_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """How a target group asks; times in seconds."""

    path: str = "/"
    port: int | None = None
    interval: float = 30
    timeout: float = 5
    healthy_after: int = 5
    unhealthy_after: int = 2
    codes: tuple[tuple[int, int], ...] = ((200, 200),)
    drain: float = 300
    tcp: bool = False

    def accepts(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.codes)


def codes_of(matcher: str) -> tuple[tuple[int, int], ...]:
    """
    >>> codes_of("200-399,404")
    ((200, 399), (404, 404))
    """
    ranges = (part.partition("-") for part in matcher.split(","))
    return tuple((int(low), int(high or low)) for low, _, high in ranges)


def check_of(group: ElementTree.Element, attributes: ElementTree.Element | None = None) -> Check:
    """Read a target group's health check from DescribeTargetGroups."""

    def number(name: str, default: int) -> int:
        text = group.findtext(name)
        return int(float(text)) if text else default

    port = group.findtext("HealthCheckPort") or "traffic-port"
    drain = 300.0
    for each in () if attributes is None else attributes.iter("member"):
        if each.findtext("Key") == "deregistration_delay.timeout_seconds":
            drain = float(each.findtext("Value") or drain)
    return Check(
        group.findtext("HealthCheckPath") or "/",
        int(port) if port.isdigit() else None,
        number("HealthCheckIntervalSeconds", 30),
        number("HealthCheckTimeoutSeconds", 5),
        number("HealthyThresholdCount", 5),
        number("UnhealthyThresholdCount", 2),
        codes_of(group.findtext("Matcher/HttpCode") or "200"),
        drain,
        (group.findtext("HealthCheckProtocol") or "HTTP") in ("TCP", "TLS"),
    )


@dataclass(slots=True)
class Target:
    """One registered address and port, and what its health checks said."""

    address: str
    port: int
    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    successes: int = 0
    failures: int = 0
    watch: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Group:
    """One target group."""

    arn: str
    check: Check = Check()
    targets: dict[tuple[str, int], Target] = field(default_factory=dict)
    read_at: float = 0


@dataclass
class Balancers:
    """All target groups with their targets; ministack keeps the load balancers, listeners and rules."""

    control: Control
    changed: Callable[[], None] = lambda: None
    groups: dict[str, Group] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def learn(self, arn: str, *, again: bool = False) -> Group:
        """Read a target group's configuration, at most every few seconds. Raises AwsError when there is none."""
        group = self.groups.get(arn)
        if group and not again and time.monotonic() - group.read_at < CONFIGURATION_SECONDS:
            return group
        answer = await self.control.query(
            "elasticloadbalancing", "DescribeTargetGroups", **{"TargetGroupArns.member.1": arn}
        )
        attributes = await self.control.query(
            "elasticloadbalancing", "DescribeTargetGroupAttributes", TargetGroupArn=arn
        )
        found = answer.find(".//TargetGroups/member")
        group = self.groups.setdefault(arn, Group(arn))
        if found is not None:
            group.check = check_of(found, attributes)
        group.read_at = time.monotonic()
        return group

    def register(self, arn: str, address: str, port: int) -> None:
        """Add a target to a learned group and begin to ask it."""
        group = self.groups[arn]
        former = group.targets.get((address, port))
        if former and former.state != "draining":
            return
        target = group.targets[address, port] = Target(address, port)
        target.watch = self._spawn(self._watch(group, target))
        self.changed()

    def deregister(self, arn: str, address: str, port: int) -> None:
        """Take a target out at once; it stays visible as draining, as on AWS."""
        group = self.groups.get(arn)
        target = group.targets.get((address, port)) if group else None
        if group is None or target is None or target.state == "draining":
            return
        if target.watch:
            target.watch.cancel()
        target.state, target.reason = "draining", "Target.DeregistrationInProgress"
        target.description = "Target deregistration is in progress"
        self._spawn(self._forget(group, target))
        self.changed()

    def state(self, arn: str, address: str, port: int) -> Target | None:
        group = self.groups.get(arn)
        return group.targets.get((address, port)) if group else None

    def healthy(self, arn: str) -> list[str]:
        """Addresses of the healthy targets; when none is healthy, of all: a load balancer then fails open."""
        group = self.groups.get(arn)
        if not group:
            return []
        targets = [each for each in group.targets.values() if each.state != "draining"]
        well = [each.address for each in targets if each.state == "healthy"]
        return well or [each.address for each in targets if each.state == "unhealthy"]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _forget(self, group: Group, target: Target) -> None:
        await asyncio.sleep(group.check.drain)
        if group.targets.get((target.address, target.port)) is target:
            del group.targets[target.address, target.port]

    async def _watch(self, group: Group, target: Target) -> None:
        while True:
            check = group.check
            self._note(check, target, await self._ask(check, target))
            never = target.state == "initial"
            await asyncio.sleep(min(FIRST_CHECKS_SECONDS, check.interval) if never else check.interval)
            group = await self._refreshed(group)

    async def _refreshed(self, group: Group) -> Group:
        try:
            return await self.learn(group.arn)
        except Exception:  # A group that is being deleted keeps its last configuration until its targets leave.
            return group

    async def _ask(self, check: Check, target: Target) -> str:
        """Return what is wrong, or an empty string."""
        port = check.port or target.port
        try:
            if check.tcp:
                _, writer = await asyncio.wait_for(asyncio.open_connection(target.address, port), check.timeout)
                writer.close()
                return ""
            url = f"http://{target.address}:{port}{check.path}"
            headers = {"User-Agent": "ELB-HealthChecker/2.0", "Host": f"{target.address}:{port}", "Connection": "close"}
            timeout = aiohttp.ClientTimeout(total=check.timeout)
            async with self.control.http.get(url, timeout=timeout, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                good = check.accepts(answer.status)
                return "" if good else f"Health checks failed with these codes: [{answer.status}]"
        except TimeoutError:
            return "Request timed out"
        except (aiohttp.ClientError, OSError):
            return "Health checks failed"

    def _note(self, check: Check, target: Target, wrong: str) -> None:
        before = target.state
        target.successes, target.failures = (0, target.failures + 1) if wrong else (target.successes + 1, 0)
        if not wrong and (before == "initial" or target.successes >= check.healthy_after):
            # "After your target is registered, it must pass one health check to be considered healthy."
            target.state, target.reason, target.description = "healthy", "", ""
        elif wrong and before == "initial":
            # While a target starts, failures count only at the pace of the interval.
            if target.failures * FIRST_CHECKS_SECONDS >= check.unhealthy_after * check.interval:
                self._mark_unhealthy(target, wrong)
        elif wrong and target.failures >= check.unhealthy_after:
            self._mark_unhealthy(target, wrong)
        if target.state != before:
            self.changed()

    def _mark_unhealthy(self, target: Target, wrong: str) -> None:
        target.state, target.description = "unhealthy", wrong
        if "codes" in wrong:
            target.reason = "Target.ResponseCodeMismatch"
        else:
            target.reason = "Target.Timeout" if "timed out" in wrong else "Target.FailedHealthChecks"

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
