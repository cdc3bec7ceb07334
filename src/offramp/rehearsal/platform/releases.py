"""What happens when an app gets a new release? A release phase, where there is one, and new dynos.

Dev Center, Release Phase: it runs for builds, promotions, rollbacks, config var changes and new add-ons; when it fails, the
release is not used and the dynos of the release before stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from .dynos.crew import Crew
from .logplex.channel import Channel
from .world import App, FormationRow, Release, Slug, World, now


@dataclass
class Releases:
    """Makes releases; ``crews`` and ``channels`` are by app name."""

    world: World
    crews: Mapping[str, Crew]
    channels: Mapping[str, Channel]
    _order: dict[str, asyncio.Lock] = field(default_factory=dict)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def create(self, app: App, description: str, *, by: str, slug: Slug | None = None, phase: bool = True) -> Release:
        """Record a release of the app as it is now, and put it to use in the background.

        ``phase`` is False for what does not run the release phase: add-ons that leave.
        """
        latest = app.releases[-1] if app.releases else None
        at = now()
        release = Release(
            id=self.world.names.uuid(),
            version=latest.version + 1 if latest else 1,
            description=description,
            status="pending",
            slug=slug or (latest.slug if latest else None),
            config=self.world.config(app),
            plans=self.world.plans(app),
            user=by,
            created=at,
            updated=at,
        )
        app.releases.append(release)
        app.updated = at
        self.channels[app.name].api(f"{description} by user {by}")
        self.channels[app.name].api(f"Release v{release.version} created by user {by}")
        if not phase or not self._phase(release):
            # Without a release phase nothing stands between a release and its dynos, so callers see it done at once.
            self._settle(app, release, "succeeded")
        else:
            task = asyncio.create_task(self._run_phase(app, release), name=f"{app.name} v{release.version}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return release

    async def settled(self) -> None:
        """Wait for every release phase that is under way."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _phase(self, release: Release) -> str | None:
        return release.slug.process_types.get("release") if release.slug else None

    async def _run_phase(self, app: App, release: Release) -> None:
        async with self._order.setdefault(app.name, asyncio.Lock()):
            self.channels[app.name].api(f"Running release v{release.version} commands by user {release.user}")
            dyno = await self.crews[app.name].once("release", self._phase(release) or "", release=release)
            await dyno.exited.wait()
            self._settle(app, release, "succeeded" if dyno.status == 0 else "failed")

    def _settle(self, app: App, release: Release, status: str) -> None:
        release.status = "succeeded" if status == "succeeded" else "failed"
        release.updated = now()
        if release.status == "failed":
            self.channels[app.name].api(f"Release v{release.version} command failed by user {release.user}")
            return
        if release.slug:
            self._take_process_types(app, release.slug)
        crew = self.crews[app.name]
        crew.converge()
        crew.restart()

    def _take_process_types(self, app: App, slug: Slug) -> None:
        """Give the formation a row for each process type; a first ``web`` gets one dyno, as on Heroku."""
        at = now()
        for kind, command in slug.process_types.items():
            if row := app.formation.get(kind):
                row.command = command
            elif kind != "release":
                app.formation[kind] = FormationRow(
                    self.world.names.uuid(), kind, command, int(kind == "web"), "Standard-1X", at, at
                )
        for kind in set(app.formation) - set(slug.process_types):
            del app.formation[kind]
