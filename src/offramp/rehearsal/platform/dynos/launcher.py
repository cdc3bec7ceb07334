"""What exactly is started for a dyno? Command, environment, port and folder, from the app's current release."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ....errors import BugError
from ...servers.ports import free_port
from .. import pids
from ..logplex.channel import Channel
from ..options import Options
from ..world import App, Release, World
from .dyno import Dyno, Plan
from .environment import environment

DEFAULT_SIZE = "Standard-1X"


@dataclass
class Launcher:
    """Makes dynos; ``channels`` are the apps' logs by app name."""

    world: World
    options: Options
    channels: Mapping[str, Channel]
    register: pids.Register

    def regular(self, app: App, kind: str, name: str) -> Dyno:
        """A dyno of the formation."""
        row = app.formation[kind]
        return self._dyno(app, app.current, name, kind, row.command, row.size, {})

    def one_off(
        self,
        app: App,
        kind: str,
        command: str,
        *,
        env: Mapping[str, str],
        size: str = "",
        release: Release | None = None,
    ) -> Dyno:
        """A dyno that runs once; its name is the kind and four figures. A command that names a process type runs that type."""
        name = f"{kind}.{self.world.names.number() % 9_000 + 1_000}"
        chosen = release or app.current
        types = chosen.slug.process_types if chosen and chosen.slug else {}
        return self._dyno(app, chosen, name, kind, types.get(command, command), size or DEFAULT_SIZE, env)

    def _dyno(
        self, app: App, release: Release | None, name: str, kind: str, command: str, size: str, extra: Mapping[str, str]
    ) -> Dyno:
        if release is None or release.slug is None:
            raise BugError(f"App {app.name} has no slug, so dyno {name} cannot run.")
        identity = self.world.names.uuid()
        folder = self.options.directory / "dynos" / app.name / f"{name}-{identity[:8]}"
        port = free_port() if kind == "web" else None
        found = environment(
            {**release.config, **extra}, dyno=name, home=folder / "app", port=port, dns=self.options.dns
        )
        plan = Plan(
            id=identity, name=name, type=kind, size=size, command=command, release_id=release.id,
            release_version=release.version, environment=found, slug=release.slug.folder, folder=folder, port=port,
        )  # fmt: skip
        return Dyno(plan, self.channels[app.name], self.options.timing, self.register)


def fill_environment(world: World) -> dict[str, str]:
    """The environment of the estate's ``fill`` command: every app's config vars as ``<APP>_<CONFIG VAR>``.

    A shell's names have no ``-``, so ``mentors-api`` becomes ``MENTORS_API``.
    """
    found = dict(os.environ)
    for app in world.apps.values():
        prefix = app.name.upper().replace("-", "_")
        found |= {f"{prefix}_{name}": value for name, value in world.config(app).items()}
    return found


def fill_command(command: tuple[str, ...], rows: int, seed: int) -> list[str]:
    """Return the command line of ``fill``; ``python`` means the interpreter that runs now."""
    first = sys.executable if command[0] == "python" else command[0]
    return [first, *command[1:], "--rows", str(rows), "--seed", str(seed)]
