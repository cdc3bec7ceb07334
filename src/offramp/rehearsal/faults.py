"""What goes wrong on purpose, and when? Each fault waits for its moment in the controller's events."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .controller import Controller
from .operator import Operator
from .report import FaultReport

Tell = Callable[[str], None]

# The controller is killed once in each of these, a seeded moment after the deed began.
CONTROLLER_MOMENTS = ("provision/", "deploy/", "replicate/", "cutover/")


@dataclass
class Faults:
    """The faults of one rehearsal. ``elapsed`` gives seconds since it began; everything done is in ``reports``."""

    wanted: tuple[str, ...]
    operator: Operator
    controller: Controller
    elapsed: Callable[[], float]
    tell: Tell
    seed: int
    reports: list[FaultReport] = field(default_factory=list)
    _done: set[str] = field(default_factory=set)
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Strike if this event is a fault's moment."""
        kind, goal = event.get("event"), str(event.get("goal", ""))
        if (
            kind == "deed-ended"
            and goal.startswith("replicate/")
            and str(event.get("title")).startswith("run the forward link")
        ):
            self._once("kill-pump", "start", self._kill_pump_soon)
        if kind == "deed-began":
            for moment in CONTROLLER_MOMENTS:
                if goal.startswith(moment):
                    self._once("kill-controller", moment, partial(self._kill_controller, goal))

    def while_live(self, settled: Callable[[], None]) -> None:
        """Strike while every link is live and before the switch; ``settled`` waits until the links are live again."""
        if self._once("kill-pump", "live", self._kill_pump):
            settled()
        for addon in self.operator.postgres_addons():
            if self._once("restart-source", addon["name"], partial(self._restart, addon["name"])):
                settled()
        for addon in self.operator.postgres_addons():
            if self._once("rotate-credentials", addon["name"], partial(self._rotate, addon)):
                settled()

    def _once(self, fault: str, moment: str, strike: Callable[[], str | None]) -> bool:
        key = f"{fault}@{moment}"
        if fault not in self.wanted or key in self._done:
            return False
        what = strike()
        if what is None:
            return False
        self._done.add(key)
        self.reports.append(FaultReport(fault, round(self.elapsed(), 1), what))
        self.tell(f"fault {fault}: {what}")
        return True

    def _kill_pump(self) -> str | None:
        killed = self.operator.kill_links()
        return f"killed {killed} link processes with SIGKILL" if killed else None

    def _kill_pump_soon(self) -> str:
        """Strike while the schema is made or rows are copied, which takes seconds."""
        delay = self._random.uniform(1.0, 3.0)
        threading.Timer(delay, self.operator.kill_links).start()
        return f"killed the link processes with SIGKILL {delay:.1f} s after the first began"

    def _kill_controller(self, goal: str) -> str:
        delay = self._random.uniform(0, 0.4)
        threading.Timer(delay, self.controller.kill).start()
        return f"killed the controller with SIGKILL {delay * 1000:.0f} ms into {goal}"

    def _restart(self, addon: str) -> str:
        self.operator.restart_source(addon)
        return f"restarted the PostgreSQL server of {addon}"

    def _rotate(self, addon: Mapping[str, Any]) -> str:
        self.operator.rotate_credentials(addon["id"])
        return f"rotated the credentials of {addon['name']}"
