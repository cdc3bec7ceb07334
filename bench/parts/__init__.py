"""One module per part of the benchmark: each measures every engine on the same stage and returns one table."""

from collections.abc import Callable, Mapping

from ..plan import Plan
from ..report import Section
from ..stage import Stage
from . import bulk, capture, copy, drain, hold, lag, lost, memory, steps, sustained, verify

PARTS: Mapping[str, Callable[[Stage, Plan], Section]] = {
    "copy": copy.run,
    "capture": capture.run,
    "bulk": bulk.run,
    "sustained": sustained.run,
    "lag": lag.run,
    "drain": drain.run,
    "verify": verify.run,
    "memory": memory.run,
    "lost": lost.run,
    "steps": steps.run,
    "hold": hold.run,
}

__all__ = ["PARTS"]
