"""Does a link survive everything at once? Random deeds of an application, its migrations and its operators, driven by hypothesis.

``make soak ARGS="--minutes 10 --seed 1 --databases 3"`` runs seed after seed; a failing one is told with its steps.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import hypothesis
from disorder_stage import Stage
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pump_pairs import make_world
from pump_world import World

WHICH = st.integers(0, 2)
RUN_EVERY = 6
SETTINGS = {"max_prepared_transactions": "64"}


class Disorder(RuleBasedStateMachine):
    """One run: some databases on the move, and anything that may happen to them."""

    world: ClassVar[World]
    seed: ClassVar[int]
    databases: ClassVar[int]
    with_schema_changes: ClassVar[bool]
    runs: ClassVar[int] = 0
    steps: ClassVar[list[str]] = []
    commits: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.failed, self.rounds = False, 0
        self.stages: list[Stage] = []

    @initialize(entropy=st.integers(0, 2**30))
    def begin(self, entropy: int) -> None:
        # Hypothesis tries the simplest run of all first, which is not worth two servers' time.
        assume(entropy)
        kind = type(self)
        kind.runs += 1
        kind.steps.clear()
        for number in range(self.databases):
            name = f"d{self.seed}_{kind.runs}_{number}"
            self.stages.append(
                Stage.begin(self.world, name, entropy + number, with_schema_changes=self.with_schema_changes)
            )

    def at(self, which: int, step: str) -> Stage:
        stage = self.stages[which % len(self.stages)]
        stage.note(step)
        type(self).steps.append(stage.steps[-1])
        return stage

    @rule(which=WHICH, count=st.integers(1, 30))
    def write(self, which: int, count: int) -> None:
        self.at(which, f"write {count}").write(count)

    @rule(which=WHICH, count=st.integers(1, 20), undo=st.booleans())
    def write_in_one(self, which: int, count: int, undo: bool) -> None:
        self.at(which, f"write {count} in one, undo {undo}").write_in_one(count, undo)

    @rule(which=WHICH)
    def open_session(self, which: int) -> None:
        self.at(which, "open a transaction").open_session()

    @rule(which=WHICH, how=st.sampled_from(("go on", "go on", "commit", "commit", "rollback", "prepare")))
    def close_session(self, which: int, how: str) -> None:
        self.at(which, f"{how} in an open transaction").close_session(how)

    @rule(which=WHICH, commit=st.booleans())
    def end_prepared(self, which: int, commit: bool) -> None:
        self.at(which, f"{'commit' if commit else 'roll back'} a prepared one").end_prepared(commit)

    @rule(which=WHICH)
    def truncate(self, which: int) -> None:
        self.at(which, "truncate").truncate()

    @rule(which=WHICH)
    def disable_triggers(self, which: int) -> None:
        self.at(which, "write with triggers disabled").disable_triggers()

    @rule(
        which=WHICH,
        kind=st.sampled_from(
            ("add", "add", "drop", "rename", "retype", "index", "label", "table", "fill", "drop table", "rewrite")
        ),
    )
    def change_schema(self, which: int, kind: str) -> None:
        self.at(which, f"schema: {kind}").change_schema(kind)

    @rule(which=WHICH, start_again=st.sampled_from((True, True, False)))
    def kill_link(self, which: int, start_again: bool) -> None:
        self.at(which, f"kill the link, start again {start_again}").kill_link(start_again)

    @rule(which=WHICH)
    def start_link(self, which: int) -> None:
        self.at(which, "start the link").start_link()

    @rule(which=WHICH)
    def stop_link(self, which: int) -> None:
        self.at(which, "stop and start the link").stop_link()

    @rule(which=WHICH, side=st.integers(0, 1), harm=st.sampled_from(("cut", "refuse", "stall", "mend", "mend", "mend")))
    def harm_line(self, which: int, side: int, harm: str) -> None:
        self.at(which, f"{harm} the line to the {('source', 'target')[side]}").harm_line(side, harm)

    @rule(side=st.integers(0, 5), crash=st.booleans())
    def restart_server(self, side: int, crash: bool) -> None:
        if side < 2:
            server = (self.world.source, self.world.target)[side]
            self.at(0, f"restart the {('source', 'target')[side]}, crash {crash}")
            server.restart(immediately=crash)

    @rule(which=WHICH, moments=st.sampled_from((2, 5, 20)))
    def let_it_run(self, which: int, moments: int) -> None:
        self.at(which, f"let it run for {moments} target commits").let_it_run(moments)

    @invariant()
    def nothing_went_wrong(self) -> None:
        # Not all of a run may be spent in ruins: hypothesis leaves out some rules in each of its runs.
        self.rounds += 1
        for stage in self.stages:
            if self.rounds % RUN_EVERY == 0:
                stage.let_it_run(3)
            if complaints := stage.complaints():
                self.failed = True
                raise AssertionError("\n".join(complaints))

    def teardown(self) -> None:
        try:
            # After a failed step there is nothing to demand of the end.
            if not self.failed and sys.exc_info()[0] is None:
                for stage in self.stages:
                    stage.finish()
                    type(self).commits += stage.watcher.moments
        finally:
            for stage in self.stages:
                stage.close()


@contextmanager
def disorderly_world(folder: Path) -> Iterator[World]:
    world = make_world(folder, settings=SETTINGS)
    try:
        yield world
    finally:
        world.close()
        world.source.stop(immediately=True)
        world.target.stop(immediately=True)


def run(world: World, seed: int, *, steps: int, databases: int = 1, with_schema_changes: bool = True) -> str:
    """Run one seed. Raises what went wrong, with the seed and its steps; returns what was seen."""
    names = {
        "world": world,
        "seed": seed,
        "databases": databases,
        "with_schema_changes": with_schema_changes,
        "steps": [],
        "runs": 0,
        "commits": 0,
    }
    machine: type[Disorder] = type(f"Disorder{seed}", (Disorder,), names)
    chosen = settings(
        max_examples=1, stateful_step_count=steps, deadline=None, database=None, phases=(Phase.generate,), report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=chosen)
    except BaseException as error:
        error.add_note(f"Seed {seed}, {databases} databases, {steps} steps at most:\n" + "\n".join(machine.steps))
        raise
    return f"seed {seed}: {len(machine.steps)} steps, {machine.commits} target commits judged"


def main() -> int:
    """Run seeds one after another until the time is over; stops at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--databases", type=int, default=3)
    parser.add_argument("--steps", type=int, default=120)
    options = parser.parse_args()
    deadline, seed = time.monotonic() + options.minutes * 60, options.seed
    while time.monotonic() < deadline:
        with tempfile.TemporaryDirectory(prefix="offramp-soak-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)
            with disorderly_world(Path(folder)) as world:
                print(f"seed {seed} begins", flush=True)
                print(run(world, seed, steps=options.steps, databases=options.databases), flush=True)
        seed += 1
    print(f"{seed - options.seed} seeds, no difference", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
