"""Who buries the processes that a dyno's shell leaves behind? We do, where the kernel lets us adopt them.

In a container the first process often reaps nobody, so that a dead worker would count as alive for ever.
"""

from __future__ import annotations

import ctypes
from functools import cache

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


@cache
def adopted() -> bool:
    """Make this process the parent of its descendants' orphans; False where that is not to be had (not Linux)."""
    try:
        return int(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0
    except (AttributeError, OSError):
        return False
