"""Does the loop make stages true, stop where a person must act, and find its way out of everything else?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offramp.engine import events, lease
from offramp.engine.acting import Interrupt, Setting, Watch, as_it_is, nowhere
from offramp.engine.chapter import Chapter
from offramp.engine.journal import Journal
from offramp.engine.limits import Limits
from offramp.engine.report import RunReport
from offramp.engine.run import run
from offramp.engine.stage import Decisions, Stage
from offramp.engine.survey import plan
from offramp.engine.verdict import Ask, Do, Finding, Met, Refuse, Verdict, Wait
from offramp.errors import BugError, CredentialsRejectedError, OutsideError, UnreachableError, WaitingError


@dataclass
class SteppingClock:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass(frozen=True)
class Make:
    """Put one thing into the world."""

    thing: str

    @property
    def title(self) -> str:
        return f"make {self.thing}"


@dataclass
class World:
    """The tests' own world: things that were made, in order, and what goes wrong."""

    things: list[str] = field(default_factory=list)
    looks: int = 0
    broken_looks: list[Exception] = field(default_factory=list)
    broken_acts: list[Exception] = field(default_factory=list)
    deaf: bool = False
    """Deeds end and change nothing."""


def look(world: World, want: object) -> tuple[str, ...]:
    world.looks += 1
    if world.broken_looks:
        raise world.broken_looks.pop(0)
    return tuple(world.things)


def act(deed: Make, world: World) -> None:
    if world.broken_acts:
        raise world.broken_acts.pop(0)
    assert deed.thing not in world.things, "made twice"
    if not world.deaf:
        world.things.append(deed.thing)


Judge = Callable[[tuple[str, ...], tuple[str, ...], Decisions], Sequence[Finding[Make]]]


def make_all(want: tuple[str, ...], seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
    """The simplest judge: every wanted thing is a goal."""
    return [Finding(f"x/{one}", Met() if one in seen else Do((Make(one),), f"{one} is missing")) for one in want]


def chapter(
    *want: str, name: str = "x", judge: Judge = make_all, acts: bool = True, side_by_side: bool = False
) -> Chapter:
    return Chapter(Stage(name, look, judge, act), lambda: want, acts=acts, side_by_side=side_by_side)


class Ground:
    """A journal, a world, and everything that was told."""

    def __init__(self, journal: Journal, clock: SteppingClock) -> None:
        self.journal, self.clock, self.world = journal, clock, World()
        self.told: list[events.Event] = []

    def run(
        self,
        *chapters: Chapter,
        interrupt: Interrupt = nowhere,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> RunReport:
        watch = Watch(self.clock, self.told.append)
        with lease.held(self.journal, lease.this_process(), beat=watch.tick) as held:
            return run(
                chapters, Setting(self.world, self.journal, held.fence, self.clock, watch, interrupt, as_it_is, limits)
            )

    def named(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    clock = SteppingClock()
    with Journal(tmp_path / "journal.db", clock) as journal:
        yield Ground(journal, clock)


def always(verdict: Verdict[Make]) -> Judge:
    return lambda want, seen, decisions: [Finding("x/goal", verdict)]


def test_a_run_does_what_is_missing_in_order_and_ends_met(ground: Ground) -> None:
    ground.world.things = ["b"]

    report = ground.run(chapter("a", "b", "c"))

    assert ground.world.things == ["b", "a", "c"]
    assert (report.ok, report.exit_status, report.deeds) == (True, 0, 2)
    assert [stage.verdict for stage in report.stages] == ["met"]


def test_running_again_changes_nothing(ground: Ground) -> None:
    ground.run(chapter("a"))

    assert ground.run(chapter("a")).deeds == 0


def test_a_run_tells_what_it_does(ground: Ground) -> None:
    ground.run(chapter("a"))

    assert [events.NAMES[type(event)] for event in ground.told] == [
        "stage-entered",
        "verdict-reached",
        "deed-began",
        "deed-ended",
        "verdict-reached",
        "stage-met",
    ]
    assert [(entry.kind, entry.text) for entry in ground.journal.entries(last=10)] == [
        ("stage", "entered"),
        ("verdict", "a is missing"),
        ("began", "make a"),
        ("ended", "make a"),
        ("verdict", ""),
        ("stage", "met"),
    ]


def test_a_later_stage_starts_when_the_earlier_is_met(ground: Ground) -> None:
    def second(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        assert "a" in seen
        return [Finding("y/b", Met() if "b" in seen else Do((Make("b"),), "missing"))]

    assert ground.run(chapter("a"), chapter(name="y", judge=second)).ok


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Ask("x/go", "it costs money"), 3), (Refuse("a table has no key", hint="Add a key."), 1)],
)
def test_a_run_stops_where_a_person_must_act(ground: Ground, verdict: Verdict[Make], status: int) -> None:
    report = ground.run(chapter(judge=always(verdict)), chapter("later", name="y"))

    assert report.exit_status == status
    assert report.stopped_at is not None and report.stopped_at.name == "x/goal"
    assert [stage.verdict for stage in report.stages][1:] == ["not reached"]
    assert ground.world.things == []


def test_a_decision_lets_the_next_run_go_on(ground: Ground) -> None:
    def judge(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return [Finding("x/go", Met() if decisions.get("x/go") == "approve" else Ask("x/go", "it costs money"))]

    assert not ground.run(chapter(judge=judge)).ok
    ground.journal.decide("x/go", "approve", who="ada")
    assert ground.run(chapter(judge=judge)).ok


def test_in_order_of_dependence_nothing_later_is_touched(ground: Ground) -> None:
    def judge(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        waiting = ground.clock.at < 1010
        return [Finding("x/first", Wait("not yet", 4) if waiting else Met()), *make_all(("b",), seen, decisions)]

    ground.run(chapter(judge=judge))

    (ended,) = ground.named(events.DeedBegan)
    assert ended.at == 1012


def test_side_by_side_a_goal_that_waits_keeps_no_other_from_being_done(ground: Ground) -> None:
    def judge(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        waiting = ground.clock.at < 1010
        return [Finding("x/first", Wait("not yet", 4) if waiting else Met()), *make_all(("b",), seen, decisions)]

    ground.run(chapter(judge=judge, side_by_side=True))

    (ended,) = ground.named(events.DeedBegan)
    assert ended.at == 1000


def test_who_waits_for_others_lets_them_act_before_it_looks_again(ground: Ground) -> None:
    """A cutover moves the caches; who still uses the old ones is rolled over by the earlier stage that deploys."""

    def deploy(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return make_all(("app", "rolled app") if "caches" in seen else ("app",), seen, decisions)

    def cutover(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        used = "rolled app" not in seen
        wait: Finding[Make] = Finding("x/queue", Wait("somebody uses the old ones", 2, others=True) if used else Met())
        return [*make_all(("caches",), seen, decisions), wait]

    last = chapter("done", name="last")
    done = ground.run(chapter(judge=deploy), chapter(judge=cutover, name="later"), last)

    assert done.ok
    assert ground.world.things == ["app", "caches", "rolled app", "done"]


def test_who_waits_for_others_for_ever_is_told_so(ground: Ground) -> None:
    def stuck(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return [Finding("x/queue", Wait("somebody uses the old ones", 60, others=True))]

    with pytest.raises(OutsideError, match="somebody uses the old ones"):
        ground.run(chapter("app"), chapter(judge=stuck, name="later"))


def test_a_stage_undone_by_a_later_one_is_looked_at_again(ground: Ground) -> None:
    def wants_what_was_made_later(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return make_all(("link", "reverse link") if "switched" in seen else ("link",), seen, decisions)

    report = ground.run(chapter(judge=wants_what_was_made_later), chapter("switched", name="y"))

    assert ground.world.things == ["link", "switched", "reverse link"]
    assert report.ok


def test_thinking_stages_are_not_asked_again_after_acting(ground: Ground) -> None:
    thinking = chapter("estate", acts=False)

    ground.run(thinking, chapter("a", name="y"))

    # Twice for the thinking stage (missing, met), twice for the other, once more for the other in the last round.
    assert ground.world.looks == 5


def test_stages_that_undo_each_other_are_a_bug(ground: Ground) -> None:
    def here(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return [Finding("x/even", Met() if len(seen) % 2 else Do((Make(str(len(seen))),), "even"))]

    def there(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return [Finding("y/odd", Do((Make(str(len(seen))),), "odd") if len(seen) % 2 else Met())]

    with pytest.raises(BugError, match="undo each other"):
        ground.run(chapter(judge=here), chapter(name="y", judge=there))


def test_a_deed_that_leads_nowhere_is_a_bug_with_its_goal(ground: Ground) -> None:
    ground.world.deaf = True

    with pytest.raises(BugError, match="x/a is no nearer after 5 times: make a"):
        ground.run(chapter("a"))
    assert len(ground.named(events.DeedEnded)) == 5


def test_a_deed_that_shows_late_is_not_repeated(ground: Ground) -> None:
    def judge(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        visible = seen if ground.clock.at > 1000 else ()
        return make_all(("a",), visible, decisions)

    ground.run(chapter(judge=judge))

    assert len(ground.named(events.DeedBegan)) == 1


def test_going_round_in_circles_is_a_bug(ground: Ground) -> None:
    """The verdict changes every time, so only the count of endings can tell."""
    ground.world.deaf = True
    verdicts: list[Verdict[Make]] = [Do((Make("a"),), "gone"), Wait("starting", 1)]

    def judge(want: object, seen: object, decisions: Decisions) -> Sequence[Finding[Make]]:
        verdicts.reverse()
        return [Finding("x/a", verdicts[0])]

    with pytest.raises(BugError, match="did the same thing 50 times"):
        ground.run(chapter(judge=judge))


def test_a_do_without_deeds_is_a_bug(ground: Ground) -> None:
    with pytest.raises(BugError, match="names no deed"):
        ground.run(chapter(judge=always(Do((), "something"))))


def test_waiting_for_the_same_reason_ends_after_an_hour(ground: Ground) -> None:
    with pytest.raises(OutsideError, match=r"x/goal has waited 3660 s for the same reason: creating"):
        ground.run(chapter(judge=always(Wait("creating", 60))))


def test_waiting_goes_on_while_the_reason_changes(ground: Ground) -> None:
    def judge(want: object, seen: object, decisions: Decisions) -> Sequence[Finding[Make]]:
        left = 20_000 - ground.clock.at
        return [Finding("x/copy", Wait(f"{left:.0f} rows are left", 600) if left > 0 else Met())]

    assert ground.run(chapter(judge=judge)).ok


def test_a_reason_that_changes_all_the_time_is_not_journalled_each_time(ground: Ground) -> None:
    def judge(want: object, seen: object, decisions: Decisions) -> Sequence[Finding[Make]]:
        left = 1100 - ground.clock.at
        return [Finding("x/copy", Wait(f"{left:.0f} rows are left", 0.5) if left > 0 else Met())]

    ground.run(chapter(judge=judge))

    assert [entry.kind for entry in ground.journal.entries(last=100, goal="x/copy")] == ["verdict", "verdict"]
    assert len(ground.named(events.Waiting)) == 50


@pytest.mark.parametrize("where", ["broken_looks", "broken_acts"])
def test_an_error_that_may_pass_is_met_again_with_growing_pauses(ground: Ground, where: str) -> None:
    setattr(ground.world, where, [UnreachableError("no answer") for _ in range(6)])

    assert ground.run(chapter("a")).ok
    pauses = [event.retry_seconds for event in ground.told if isinstance(event, events.DeedFailed)]
    assert pauses == [1, 2, 4, 8, 15, 15]


@pytest.mark.parametrize("where", ["broken_looks", "broken_acts"])
def test_an_error_that_stays_is_raised(ground: Ground, where: str) -> None:
    setattr(ground.world, where, [UnreachableError("no answer") for _ in range(7)])

    with pytest.raises(UnreachableError, match="no answer"):
        ground.run(chapter("a"))


def test_a_client_that_is_patient_itself_is_not_asked_six_times(ground: Ground) -> None:
    def slow(tools: World, want: object) -> tuple[str, ...]:
        ground.clock.sleep(60)
        raise UnreachableError("no answer")

    with pytest.raises(UnreachableError):
        ground.run(Chapter(Stage("x", slow, make_all, act), lambda: ("a",), acts=True))
    assert len(ground.named(events.DeedFailed)) == 3


@pytest.mark.parametrize("error", [CredentialsRejectedError("wrong token"), KeyError("x"), WaitingError("a deadline")])
def test_other_errors_are_raised_at_once_and_journalled(ground: Ground, error: Exception) -> None:
    ground.world.broken_acts = [error]

    with pytest.raises(type(error)):
        ground.run(chapter("a"))
    last = ground.journal.entries(last=1)[0]
    assert (last.kind, last.goal) == ("failed", "x/a")


def test_after_a_failure_the_world_is_looked_at_before_acting_again(ground: Ground) -> None:
    """The first deed took effect although it failed, so it must not be done twice: ``act`` asserts that."""

    def half(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        missing = tuple(Make(one) for one in ("a", "b") if one not in seen)
        return [Finding("x/both", Do(missing, "missing") if missing else Met())]

    def fail_once(point: str) -> None:
        if point == "x/both:after" and not ground.named(events.DeedFailed):
            raise UnreachableError("the answer was lost")

    assert ground.run(chapter(judge=half), interrupt=fail_once).ok
    assert ground.world.things == ["a", "b"]


class Crash(BaseException):
    """Nothing catches this."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_crash_around_any_deed_converges(ground: Ground, when: str, nth: int) -> None:
    points: list[str] = []

    def crash(point: str) -> None:
        points.append(point)
        if [one.endswith(when) for one in points].count(True) == nth and point.endswith(when):
            raise Crash

    with pytest.raises(Crash):
        ground.run(chapter("a", "b"), chapter("c", name="y"), interrupt=crash)
    report = ground.run(chapter("a", "b"), chapter("c", name="y"))

    assert report.ok
    assert ground.world.things == ["a", "b", "c"]


def test_what_a_killed_controller_had_begun_comes_first(ground: Ground) -> None:
    def switch(want: object, seen: tuple[str, ...], decisions: Decisions) -> Sequence[Finding[Make]]:
        return [Finding("y/switch", Met() if "settled" in seen else Do((Make("settled"),), "a switch did not end"))]

    held = lease.take(ground.journal, lease.this_process())
    ground.journal.write(held.fence, "y/switch", "began", "switch")
    lease.release(ground.journal, held)

    ground.run(chapter("a"), chapter(name="y", judge=switch))

    assert ground.world.things == ["settled", "a"]


def test_a_controller_that_was_overtaken_stops_before_its_next_deed(ground: Ground) -> None:
    def overtake(point: str) -> None:
        ground.clock.at += lease.LEASE_SECONDS
        if point == "x/a:after":
            with Journal(ground.journal.path, ground.clock) as other:
                lease.take(other, lease.this_process())

    with pytest.raises(WaitingError, match="taken over"):
        ground.run(chapter("a", "b"), interrupt=overtake)
    assert ground.world.things == ["a"]


def test_a_plan_looks_up_to_the_first_unmet_stage(ground: Ground) -> None:
    ground.world.things = ["a"]

    planned = plan((chapter("a"), chapter("b", "c", name="y"), chapter("d", name="z")), ground.world, {})

    assert [(stage.name, stage.verdict) for stage in planned.stages] == [
        ("x", "met"),
        ("y", "do"),
        ("z", "not reached"),
    ]
    assert planned.first_unmet is not None and planned.first_unmet.goals[0].deeds == ("make b",)
    assert ground.world.things == ["a"]


def test_a_long_deed_tells_how_long_it_runs(ground: Ground) -> None:
    watch = Watch(ground.clock, ground.told.append)
    watch.tick()
    watch.began("x/a", "make a")
    ground.clock.at += 20
    watch.tick()
    watch.ended()
    watch.tick()

    assert [event.text for event in ground.told if isinstance(event, events.Progress)] == ["make a: 20 s"]


def test_every_kind_of_event_has_a_name_and_is_json(ground: Ground) -> None:
    ground.run(chapter("a"))

    assert {events.to_json(event)["schema"] for event in ground.told} == {"offramp/event/1"}
    assert len(set(events.NAMES.values())) == len(events.NAMES)
