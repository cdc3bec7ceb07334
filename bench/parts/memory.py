"""How much memory does the pump need, for a copy and for a backlog larger than itself?"""

from __future__ import annotations

import threading

from .. import markers
from ..clusters import all_pids, cpu_ticks
from ..figures import cell
from ..peers.offramp import Offramp, peak_memory
from ..plan import Plan
from ..report import Section
from ..stage import Stage
from .drain import make_backlog

MIB = 2**20
LOOK_SECONDS = 0.05


class Watch:
    """Looks at the link's process and its children meanwhile; ``peak`` and ``children`` are the highest sizes in bytes."""

    def __init__(self, engine: Offramp) -> None:
        self._engine = engine
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = self.children = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        pid = self._engine.pid
        while not self._end.is_set():
            self.peak = max(self.peak, peak_memory(pid))
            below = [child for child in all_pids() if cpu_ticks(child)[2] == pid]
            self.children = max(self.children, sum(peak_memory(child) for child in below))
            self._end.wait(LOOK_SECONDS)


def run(stage: Stage, plan: Plan) -> Section:
    keys = plan.scale * 100_000
    limit = plan.drain_limit * max(1, keys / plan.backlog)
    copied: list[Watch] = []
    drained: list[Watch] = []
    seconds: list[float] = []
    for repeat in range(plan.memory_repeats):
        source, target = stage.fresh_source(plan.scale), stage.fresh_target()
        engine = Offramp(stage, source, target)
        try:
            engine.spawn()
            with Watch(engine) as watch:
                engine.start()
            copied.append(watch)
            engine.pause()
            make_backlog(source, plan, "distinct", keys)
            with source.connect() as origin:
                marker = markers.beat(origin)
            engine.resume()
            with Watch(engine) as watch:
                took = markers.arrival(target, marker, limit)
            drained.append(watch)
            seconds += [took] if took is not None else []
        finally:
            engine.drop()
        stage.say(
            f"memory {repeat + 1}/{plan.memory_repeats}: copy {copied[-1].peak / MIB:.0f} MiB, drain {drained[-1].peak / MIB:.0f} MiB"
        )
    told = f"{cell(seconds)} s" if seconds else f"not within {limit:g} s"
    return Section(
        "memory",
        "Memory of the pump",
        ("doing what", "highest resident size, MiB", "its children, MiB", "note"),
        [
            [
                f"initial copy of {keys:,} rows",
                _sizes(copied),
                _children(copied),
                "until live; the child is pg_dump, for the schema",
            ],
            [f"drain of {keys:,} distinct keys", _sizes(drained), _children(drained), told],
        ],
        ("VmHWM of the pump's process, from its start.",),
    )


def _sizes(watches: list[Watch]) -> str:
    return cell([watch.peak / MIB for watch in watches], 0)


def _children(watches: list[Watch]) -> str:
    return cell([watch.children / MIB for watch in watches], 0)
