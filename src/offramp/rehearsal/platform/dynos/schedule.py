"""When do Heroku Scheduler's jobs run? At their interval, shortened for the rehearsal, until the add-on is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ..estate import Job
from .crew import Crew

# However fast the rehearsal's clock runs, a job is not started more often than this.
SHORTEST_SECONDS = 2.0


@dataclass(eq=False)
class Schedule:
    """The jobs of one app. ``provisioned`` says whether its Scheduler add-on still exists."""

    crew: Crew
    jobs: tuple[Job, ...]
    scale: float
    provisioned: Callable[[], bool]
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(job), name=f"job {job.command}") for job in self.jobs]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _repeat(self, job: Job) -> None:
        while True:
            await asyncio.sleep(max(job.seconds / self.scale, SHORTEST_SECONDS))
            if not self.provisioned():
                return
            dyno = await self.crew.once("scheduler", job.command)
            await dyno.exited.wait()
