"""Who calls whom? From config vars that hold another app's address, and from request ids that two apps logged. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .model import App, Call

# What says who may come in names callers, not callees.
_LETS_IN = re.compile(r"ALLOW|CORS|CSRF|TRUSTED|WHITELIST|ORIGINS$|REFERR?ER", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SharedRequests:
    """Requests whose id was logged by two apps: ``caller`` had them first, and longer."""

    caller: str
    callee: str
    count: int


def calls(apps: Iterable[App], shared: Iterable[SharedRequests] = ()) -> tuple[Call, ...]:
    """Return each pair once, with everything that speaks for it."""
    evidence: dict[tuple[str, str], list[str]] = defaultdict(list)
    for app in apps:
        for variable in app.config:
            target = variable.points_at
            if target and target != app.name and not _LETS_IN.search(variable.name):
                evidence[app.name, target].append(f"config {variable.name}")
    for one in shared:
        if one.caller != one.callee and one.count:
            evidence[one.caller, one.callee].append(f"{one.count} requests in the log")
    return tuple(Call(caller, callee, ", ".join(found)) for (caller, callee), found in sorted(evidence.items()))
