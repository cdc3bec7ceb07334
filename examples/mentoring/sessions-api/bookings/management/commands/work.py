"""How does the worker process take jobs, and stop?"""

from __future__ import annotations

import logging
import signal
import time
from typing import Any

import valkey
from django.core.management.base import BaseCommand
from steady.patience import UnavailableError, patiently

from bookings import jobs

WAIT_SECONDS = 1.0
SWEEP_SECONDS = 2.0
REST_SECONDS = 0.5

log = logging.getLogger("worker")


class Command(BaseCommand):
    """Take jobs until SIGTERM; the job in hand is finished first."""

    help = "Do the work that follows bookings."
    stopping = False

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        self.recover()
        next_sweep = 0.0
        while not self.stopping:
            self.take()
            if time.monotonic() >= next_sweep:
                self.sweep()
                next_sweep = time.monotonic() + SWEEP_SECONDS
        log.info("event=worker_stopped")

    def stop(self, *_: object) -> None:
        self.stopping = True

    def recover(self) -> None:
        """Put back what a worker had in hand when it was killed; a job that was done after all is skipped by ``do``."""
        try:
            while jobs.redis().lmove(jobs.IN_HAND, jobs.QUEUE, "RIGHT", "RIGHT"):
                pass
        except valkey.ValkeyError as error:
            log.warning("event=queue_unavailable error=%s", type(error).__name__)

    def take(self) -> None:
        """Wait a moment for one job, do it, and only then let go of it."""
        try:
            taken = jobs.redis().blmove(jobs.QUEUE, jobs.IN_HAND, WAIT_SECONDS, "RIGHT", "LEFT")
            if taken is not None:
                self.do(int(taken))
                jobs.redis().lrem(jobs.IN_HAND, 1, taken)
        except valkey.ValkeyError as error:
            # Overdue jobs are found in the database, so a queue that is away delays work but does not stop it.
            log.warning("event=queue_unavailable error=%s", type(error).__name__)
            time.sleep(REST_SECONDS)

    def sweep(self) -> None:
        """Do the jobs whose number Redis never got, or lost."""
        try:
            for job_id in patiently(jobs.overdue):
                if self.stopping:
                    return
                self.do(job_id)
        except UnavailableError as error:
            log.warning("event=database_unavailable error=%s", error)

    def do(self, job_id: int) -> None:
        try:
            if patiently(lambda: jobs.do(job_id)):
                log.info("event=job_done job=%d", job_id)
        except UnavailableError as error:
            # Its row is still open: the sweep takes it up again.
            log.warning("event=database_unavailable job=%d error=%s", job_id, error)
