"""``python -m offramp.rehearsal.cloud``: run an emulated AWS on loopback."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .world import Settings, main


def parse(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m offramp.rehearsal.cloud", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where servers, logs and ready.json live")
    parser.add_argument("--http-port", type=int, required=True, help="the port on which gateways serve the world")
    parser.add_argument("--dns", required=True, metavar="IP:PORT", help="where the DNS server listens")
    parser.add_argument("--images", type=Path, required=True, help="directory of image manifests")
    parser.add_argument("--scheduler-scale", type=float, default=0.05, help="factor on the periods of schedules")
    parser.add_argument("--region", default="", help="the only region; by default that of the first request")
    parser.add_argument("--seed", type=int, default=None, help="seed of the DNS server's weighted choice")
    given = parser.parse_args(arguments)
    return Settings(
        given.dir, given.http_port, given.dns, given.images, given.scheduler_scale, given.region, given.seed
    )


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
