"""How is the receiver run from the command line? In a loop of its own until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
from collections.abc import Callable
from pathlib import Path

from ..errors import OutsideError, RefusedError
from ..kit.clock import Clock
from ..kit.secret import Secret
from . import receiver
from .receiver import Counters


def run(
    folder: Path,
    *,
    host: str,
    port: int,
    secret: Secret | None,
    clock: Clock,
    redacting: bool = True,
    ready: Callable[[str, int], None] = lambda host, port: None,
) -> Counters:
    """Receive until a signal says stop, and return what came in.

    Raises RefusedError when it would listen to strangers without a password or when another process receives into the folder, and
    OutsideError when the address is taken.
    """
    if secret is None and not _loopback(host):
        raise RefusedError(
            f"Whoever reaches {host} could write into the logs.",
            hint="Set OFFRAMP_DRAIN_SECRET, and give it to the drain's address.",
        )
    return asyncio.run(_until_signalled(folder, host, port, secret, clock, redacting, ready))


async def _until_signalled(
    folder: Path,
    host: str,
    port: int,
    secret: Secret | None,
    clock: Clock,
    redacting: bool,
    ready: Callable[[str, int], None],
) -> Counters:
    until, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    try:
        return await receiver.serve(
            folder, host=host, port=port, secret=secret, clock=clock, redacting=redacting, ready=ready, until=until
        )
    except OSError as error:
        raise OutsideError(
            f"{host}:{port} cannot be listened at: {error}.", hint="Name another port with --port."
        ) from error


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
