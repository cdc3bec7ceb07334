"""How does a stack stand right now? Reading only; shared by the looks of the stages that own stacks."""

from __future__ import annotations

from dataclasses import replace

from ..aws import rules, templates
from ..aws.stacks import Stack, Stacks
from .stacks import Phase, StackSeen, Template


def standing(stacks: Stacks, name: str) -> StackSeen:
    """Look at one stack, and at its events when its latest operation failed."""
    found = stacks.get(name)
    if found is None:
        return StackSeen(name, "absent")
    phase = _phase(found)
    digest = found.outputs.get("Digest", "")
    if phase != "failed" and not _went_back(found):
        return StackSeen(name, phase, found.status, digest, found.protected)
    failure = stacks.failure(name)
    return StackSeen(
        name=name,
        phase=phase,
        status=found.status,
        digest=digest,
        protected=found.protected,
        reason=str(failure) if failure else found.reason,
        failed_digest=failure.token if failure else "",
        failure=failure.id if failure else name,
    )


def _phase(found: Stack) -> Phase:
    if found.working:
        return "working"
    return "complete" if found.complete or _went_back(found) else "failed"


def _went_back(found: Stack) -> bool:
    """Whether the latest update failed and left the stack whole, as it was before."""
    return found.status == "UPDATE_ROLLBACK_COMPLETE"


def checked(template: Template, region: str, seen: StackSeen) -> Template:
    """Return the template with what cfn-lint and our own rules have against it.

    One that is deployed already was checked before.
    """
    if seen.phase == "complete" and seen.digest == template.digest:
        return template
    found = (*templates.faults(template.body, region), *rules.check(template.body))
    return replace(template, faults=tuple(str(fault) for fault in found))
