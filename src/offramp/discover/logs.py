"""What do the kept logs tell of Scheduler jobs and of who calls whom? Read from the store beside the estate, if there is one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..errors import OfframpError
from .calling import SharedRequests
from .jobs import Run

FOLDER = "logs"


def read(directory: Path, apps: Collection[str]) -> tuple[tuple[Run, ...], tuple[SharedRequests, ...], tuple[str, ...]]:
    """Return the runs, the shared requests, and a sentence when the logs could not be read. Only apps of the estate count."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return (), (), ()
    # The store's engine takes longer to import than most looks without logs last.
    from ..telemetry.store import Store

    try:
        with Store(folder) as store:
            known = sorted(set(store.apps()) & set(apps))
            runs = tuple(
                Run(app, run.command, run.started_us / 1e6) for app in known for run in store.scheduler_runs(app)
            )
            shared = tuple(
                SharedRequests(one.caller, one.callee, one.count)
                for one in store.shared_requests()
                if one.caller in apps and one.callee in apps
            )
    except (OfframpError, OSError) as error:
        said = error.message if isinstance(error, OfframpError) else str(error)
        return (), (), (f"The logs in {FOLDER}/ could not be read: {said.rstrip('.')}.",)
    return runs, shared, ()
