"""One module per engine, each with the commands that its users run. ``FOLLOWERS`` can follow a live database; the rest only copy."""

from . import bucardo, native, offramp, pglogical
from .engine import Engine, EngineStuckError, Kind, Steps, wait_for

# In the order of their rows in a table.
FOLLOWERS: tuple[Kind, ...] = (offramp.KIND, native.KIND, pglogical.KIND, bucardo.KIND)

__all__ = ["FOLLOWERS", "Engine", "EngineStuckError", "Kind", "Steps", "wait_for"]
