"""``python -m offramp.rehearsal.platform``: run a simulated Heroku until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from ...errors import OfframpError
from .options import Options, Timing
from .serve import run


def parse(arguments: list[str]) -> Options:
    """Turn the command line into options."""
    defaults, timing = Options(Path(), Path(), 0), Timing()
    parser = argparse.ArgumentParser(prog="python -m offramp.rehearsal.platform", description="Run a simulated Heroku.")
    add = parser.add_argument
    add("--dir", type=Path, required=True, help="where its files go; ready.json appears there when every app is up")
    add("--estate", type=Path, required=True, help="the folder with rehearsal.toml")
    add("--http-port", type=int, required=True, help="the router's port on 127.0.0.2")
    add("--api-port", type=int, default=defaults.api_port, help="the API's port on 127.0.0.1 (default: a free one)")
    add("--dns", type=_address, default=None, metavar="IP:PORT", help="the DNS server that dynos and drains ask")
    add("--rows", type=int, default=None, help="run the estate's fill command for so many rows")
    add("--seed", type=int, default=defaults.seed)
    add("--rate-limit", type=int, default=defaults.rate_limit, help="API calls in the bucket (default: 4500)")
    add(
        "--page-size",
        type=int,
        default=defaults.page_size,
        help="rows of a list when Range names no max (default: 200)",
    )
    add("--first-byte-seconds", type=float, default=timing.first_byte, help="H12 after this (default: 30)")
    add("--boot-seconds", type=float, default=timing.boot, help="R10 and H20 after this (default: 60)")
    add("--exit-seconds", type=float, default=timing.exit, help="SIGKILL after this (default: 30)")
    add(
        "--rotation-grace", type=float, default=timing.rotation_grace, help="seconds that a rotated credential works on"
    )
    add("--scheduler-scale", type=float, default=timing.scheduler_scale, help="divide Scheduler's intervals by this")
    asked = parser.parse_args(arguments)
    return Options(
        directory=asked.dir.resolve(),
        estate=asked.estate.resolve(),
        http_port=asked.http_port,
        api_port=asked.api_port,
        dns=asked.dns,
        rows=asked.rows,
        seed=asked.seed,
        rate_limit=asked.rate_limit,
        page_size=asked.page_size,
        timing=Timing(
            first_byte=asked.first_byte_seconds,
            boot=asked.boot_seconds,
            exit=asked.exit_seconds,
            rotation_grace=asked.rotation_grace,
            scheduler_scale=asked.scheduler_scale,
        ),
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> int:
    try:
        asyncio.run(run(parse(sys.argv[1:])))
    except OfframpError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
