"""Which dynos of one app should run, and are they running? Keeps each place of the formation filled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..world import App, Release
from .dyno import Dyno
from .launcher import Launcher
from .rendezvous import Rendezvous

# Heroku restarts a crashed dyno at once, then ever more slowly; here the wait is capped at a minute.
BACK_OFF_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
# A dyno that ran this long before it crashed starts with a clean record.
FORGIVEN_AFTER_SECONDS = 60.0


@dataclass(eq=False)
class Place:
    """One place of the formation, such as ``web.2``: at most one dyno at a time accepts work in it."""

    name: str
    type: str
    dyno: Dyno | None = None
    wanted: bool = True
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to make the place look again: restart, or leave when it is no longer wanted."""
    task: asyncio.Task[None] | None = None


@dataclass(eq=False)
class Crew:
    """The dynos of one app."""

    app: App
    launcher: Launcher
    places: dict[str, Place] = field(default_factory=dict)
    one_off: dict[str, Dyno] = field(default_factory=dict)
    pulse: asyncio.Event = field(default_factory=asyncio.Event)
    """Set and replaced whenever a dyno changes, for the router's queue."""
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)

    def dynos(self) -> list[Dyno]:
        """Everything that ``heroku ps`` would list."""
        kept = [place.dyno for place in self.places.values() if place.dyno]
        return [*kept, *self.one_off.values()]

    def choose(self) -> Dyno | None:
        """Pick a web dyno at random, as Heroku's router does; the caller must ``take`` it before it awaits anything."""
        ready = [
            place.dyno for place in self.places.values() if place.type == "web" and place.dyno and place.dyno.accepting
        ]
        return random.choice(ready) if ready else None

    def web_wanted(self) -> int:
        row = self.app.formation.get("web")
        return row.quantity if row else 0

    def all_crashed(self) -> bool:
        web = [place.dyno for place in self.places.values() if place.type == "web"]
        return bool(web) and all(dyno is not None and dyno.state == "crashed" for dyno in web)

    async def changed(self, seconds: float) -> None:
        """Wait until something about the dynos changes, at most so long."""
        try:
            await asyncio.wait_for(self.pulse.wait(), seconds)
        except TimeoutError:
            pass

    def beat(self) -> None:
        self.pulse.set()
        self.pulse = asyncio.Event()

    def converge(self) -> None:
        """Open and close places until they are those of the formation."""
        wanted = {
            f"{row.type}.{number}": row.type
            for row in self.app.formation.values()
            for number in range(1, row.quantity + 1)
            if self.app.slug
        }
        for name, place in list(self.places.items()):
            if name not in wanted:
                place.wanted = False
                place.nudge.set()
                del self.places[name]
        for name, kind in wanted.items():
            if name not in self.places:
                place = self.places[name] = Place(name, kind)
                place.task = asyncio.create_task(self._keep(place), name=f"{self.app.name} {name}")
                self._remember(place.task)
        self.beat()

    def restart(self, names: Iterable[str] | None = None) -> None:
        """Replace the dynos of these places (all when None) by new ones from the current release."""
        for name in list(self.places) if names is None else names:
            if name in self.places:
                self.places[name].nudge.set()

    async def once(
        self,
        kind: str,
        command: str,
        *,
        env: Mapping[str, str] | None = None,
        size: str = "",
        release: Release | None = None,
        meet: Rendezvous | None = None,
    ) -> Dyno:
        """Start a one-off dyno (``run``, ``scheduler`` or ``release``) and return it; ``exited`` says when it has ended.

        With ``meet`` its input and output wait there for a caller, instead of going to the log.
        """
        dyno = self.launcher.one_off(self.app, kind, command, env=env or {}, size=size, release=release)
        if meet:
            dyno.attached = asyncio.Queue()
            dyno.attach_url = meet.expect(dyno)
        self.one_off[dyno.name] = dyno
        if not await dyno.start():
            self.one_off.pop(dyno.name, None)
            return dyno
        dyno.become("up")
        self._remember(asyncio.create_task(self._see_off(dyno)))
        return dyno

    async def _see_off(self, dyno: Dyno) -> None:
        await dyno.exited.wait()
        dyno.become("complete" if dyno.status == 0 else "crashed")
        self.one_off.pop(dyno.name, None)

    async def close(self, seconds: float = 5) -> None:
        """Stop every dyno and wait until all are gone; what is left after so many seconds is killed."""
        living = self.dynos()
        for place in self.places.values():
            place.wanted = False
            place.nudge.set()
        self.places.clear()
        for dyno in self.one_off.values():
            dyno.terminate()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=seconds)
        for dyno in living:
            dyno.kill()
        while self._leaving:
            await asyncio.gather(*self._leaving, return_exceptions=True)

    def _remember(self, task: asyncio.Task[None]) -> None:
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _keep(self, place: Place) -> None:
        crashes = 0
        while place.wanted:
            place.nudge.clear()
            started = asyncio.get_running_loop().time()
            dyno = place.dyno = self.launcher.regular(self.app, place.type, place.name)
            if await dyno.start() and not await self._until_exit_or_nudge(place, dyno):
                crashes = 0
                await self._retire(place, dyno)
                continue
            dyno.become("crashed")
            self.beat()
            lived = asyncio.get_running_loop().time() - started
            crashes = 1 if lived > FORGIVEN_AFTER_SECONDS else crashes + 1
            try:
                await asyncio.wait_for(place.nudge.wait(), BACK_OFF_SECONDS[min(crashes, len(BACK_OFF_SECONDS)) - 1])
                crashes = 0
            except TimeoutError:
                dyno.become("starting")
        place.dyno = None
        self.beat()

    async def _until_exit_or_nudge(self, place: Place, dyno: Dyno) -> bool:
        """Boot and run; True when the dyno exited by itself, False when it has been asked to go."""
        boot = asyncio.create_task(self._boot(dyno))
        exited, nudged = asyncio.create_task(dyno.exited.wait()), asyncio.create_task(place.nudge.wait())
        try:
            await asyncio.wait({exited, nudged}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (boot, exited, nudged):
                task.cancel()
            await asyncio.gather(boot, exited, nudged, return_exceptions=True)
        return not place.nudge.is_set()

    async def _boot(self, dyno: Dyno) -> None:
        if dyno.plan.port is not None and not await dyno.bound():
            return
        if not dyno.exited.is_set():
            dyno.accepting = dyno.plan.type == "web"
            dyno.become("up")
            self.beat()

    async def _retire(self, place: Place, dyno: Dyno) -> None:
        """Take a dyno out of routing, let its requests end, tell it to stop; when it must be replaced do not wait for its end."""
        dyno.accepting = False
        self.beat()
        if place.wanted:
            dyno.log.state(dyno.name, "Restarting")
            dyno.become("starting")
        await dyno.drained(dyno.timing.first_byte)
        dyno.terminate()
        if place.wanted:
            self._remember(asyncio.create_task(dyno.gone()))
        else:
            await dyno.gone()
            dyno.become("down")
