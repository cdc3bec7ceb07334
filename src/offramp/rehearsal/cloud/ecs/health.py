"""Is a container well? Its health check command says so, run as Docker runs it: in the container's own environment."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .model import ContainerState, HealthCommand

# A container that was never healthy is asked this often; Docker waits for the interval. Failures count at its pace.
FIRST_CHECKS_SECONDS = 0.5


async def passes(check: HealthCommand, environment: Mapping[str, str], folder: Path, ids: Mapping[str, Any]) -> bool:
    """Run the command once; a command that takes longer than its timeout is killed and has failed."""
    kind, *rest = check.command
    command = ["/bin/sh", "-c", rest[0]] if kind == "CMD-SHELL" else rest
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            **ids,
        )
    except OSError:
        return False
    try:
        return await asyncio.wait_for(process.wait(), check.timeout) == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await process.wait()


async def watch(
    check: HealthCommand,
    state: ContainerState,
    ask: Callable[[], Any],
    now: Callable[[], float],
    changed: Callable[[], None],
) -> None:
    """Keep ``state.health`` true for ever; the caller cancels it when the container ends."""
    begun = last_counted = now()
    failures = 0
    while True:
        good = bool(await ask())
        if good:
            failures, last_counted = 0, now()
            _become(state, "HEALTHY", changed)
        elif now() - begun > check.start_period and now() - last_counted >= check.interval * 0.99:
            failures, last_counted = failures + 1, now()
            if failures >= check.retries:
                _become(state, "UNHEALTHY", changed)
        first = state.health == "UNKNOWN"
        await asyncio.sleep(min(FIRST_CHECKS_SECONDS, check.interval) if first else check.interval)


def _become(state: ContainerState, health: str, changed: Callable[[], None]) -> None:
    if state.health != health:
        state.health = health
        changed()
