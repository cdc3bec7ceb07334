"""How is a deed about a stack done? Shared by the stages that own stacks."""

from __future__ import annotations

from typing import assert_never

from ..aws.stacks import Stacks
from ..kit.clock import Clock
from .stacks import ProtectStack, UpdateStack


def act_on_stack(deed: UpdateStack | ProtectStack, stacks: Stacks, clock: Clock) -> None:
    """Bring a stack to its template, or protect it. Raises RefusedError when something precious would be lost."""
    match deed:
        case UpdateStack(stack, digest, project, body, parameters):
            stacks.bring(stack, body, parameters=dict(parameters), tags={"offramp": project}, token=digest, clock=clock)
        case ProtectStack(stack):
            stacks.protect(stack)
        case _:
            assert_never(deed)
