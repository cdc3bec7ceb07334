"""When does a CloudFormation stack agree with its template, and what is to be done when it does not? Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..engine.verdict import Do, Met, Refuse, Verdict, Wait

Phase = Literal["absent", "working", "complete", "failed"]
LOOK_AGAIN_SECONDS = 2.0
_SHOWN_FAULTS = 5


def digest_of(*parts: str) -> str:
    """Return a short fingerprint. It names change sets, and each stack says it in its output ``Digest``.

    An output and not a tag, because a stack's tags are copied to its resources: a new tag value would touch every one of them.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Template:
    """A rendered template and what the linter has against it (``E3012 at Resources/Vpc: ...``).

    ``parameters`` are part of the wish. ``kept`` are parameters that somebody else decides (how many workers run): they
    are handed on as they are and never a reason to update.
    """

    stack: str
    body: str = field(repr=False)
    faults: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        return digest_of(self.body, repr(self.parameters))


@dataclass(frozen=True, slots=True)
class StackSeen:
    """A stack as found. ``digest`` is that of the template it was last brought to, empty when it says none.

    ``failed_digest`` and ``failure`` are the wish and the id of the latest operation when that failed, else empty. A stack
    whose update failed and was rolled back is complete: it is what it was.
    """

    name: str
    phase: Phase
    status: str = ""
    digest: str = ""
    protected: bool = False
    reason: str = ""
    failed_digest: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class UpdateStack:
    """Bring a stack to a template: change set, then execution. ``digest`` names both, so a repetition is a look-up."""

    stack: str
    digest: str
    project: str
    body: str = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        return f"bring the stack {self.stack} to template {self.digest[:8]}"


@dataclass(frozen=True, slots=True)
class ProtectStack:
    """Forbid that a stack is deleted."""

    stack: str

    @property
    def title(self) -> str:
        return f"protect the stack {self.stack} from deletion"


StackDeed = UpdateStack | ProtectStack


def judge_stack(project: str, template: Template, seen: StackSeen, decisions: Mapping[str, str]) -> Verdict[StackDeed]:
    """Say whether the stack is complete and carries the template; refuse a template that the linter rejects."""
    if seen.phase == "working":
        return Wait(f"{seen.name} is {seen.status}", LOOK_AGAIN_SECONDS)
    if seen.phase == "complete" and seen.digest == template.digest:
        if not seen.protected:
            return Do((ProtectStack(seen.name),), because=f"anybody could delete {seen.name}")
        return Met(f"{seen.name} carries template {template.digest[:8]}")
    if template.faults:
        return _faulty(template)
    if seen.failure and seen.failed_digest in ("", template.digest) and f"retry/{seen.failure}" not in decisions:
        return _failed(seen)
    return Do((update(project, template),), because=_difference(seen))


def update(project: str, template: Template) -> UpdateStack:
    """Return the deed that brings a stack to ``template``."""
    parameters = (("Digest", template.digest), *template.parameters, *template.kept)
    return UpdateStack(template.stack, template.digest, project, template.body, parameters)


def _difference(seen: StackSeen) -> str:
    if seen.phase == "absent":
        return f"there is no stack {seen.name}"
    if seen.failure:
        return f"{seen.name} is {seen.status}, and may be tried again"
    return f"{seen.name} carries another template"


def _faulty(template: Template) -> Refuse:
    shown = "; ".join(template.faults[:_SHOWN_FAULTS])
    more = f" (and {len(template.faults) - _SHOWN_FAULTS} more)" if len(template.faults) > _SHOWN_FAULTS else ""
    return Refuse(
        f"the template of {template.stack} would fail: {shown}{more}", hint="Change the blueprint values that it names."
    )


def _failed(seen: StackSeen) -> Refuse:
    return Refuse(
        f"{seen.name} is {seen.status}: {seen.reason or 'CloudFormation gives no reason'}",
        hint=f"Change the blueprint, or remove the cause and say `offramp decide retry/{seen.failure} yes`.",
    )
