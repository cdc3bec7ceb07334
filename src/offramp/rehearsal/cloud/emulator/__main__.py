"""Start ministack with our resource types registered. The environment says where it listens and where the front is."""

from __future__ import annotations

import os

from . import real, records
from .front import Front
from .registry import Registry


def main() -> None:
    registry = Registry.of_ministack()
    records.register(registry)
    real.register(registry, Front(os.environ["OFFRAMP_FRONT"]))
    registry.serve()


if __name__ == "__main__":
    main()
