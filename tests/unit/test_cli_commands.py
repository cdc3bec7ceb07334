"""Does every command answer in words and in JSON, with the exit status that the reference promises?"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offramp.cli import crash, main
from offramp.cli.main import offramp as command_line
from offramp.design.model import (
    Blueprint,
    CutoverPlan,
    DatabasePlan,
    Gateway,
    Pooler,
    ShiftPlan,
    Wave,
)
from offramp.engine.acting import Interrupt
from offramp.engine.chapter import Chapter
from offramp.engine.stage import Decisions, Stage
from offramp.engine.verdict import Ask, Do, Finding, Met, Refuse, Verdict
from offramp.errors import CredentialsRejectedError, OfframpError, RefusedError, UnreachableError
from offramp.kit.clock import Clock, SystemClock
from offramp.migration import Migration, Parts
from offramp.settings import Settings

SETTINGS = 'name = "shop"\n[heroku]\n[aws]\nregion = "eu-central-1"\naccount = "123456789012"\n'


def blueprint(*waves: str) -> Blueprint:
    """A blueprint of nothing but waves with one database each."""
    databases = tuple(
        DatabasePlan(f"{wave}-db", wave, "DATABASE_URL", "addon", "db.t4g.small", 20, "18", ()) for wave in waves
    )
    return Blueprint(
        name="shop",
        region="eu-central-1",
        cidr="10.0.0.0/16",
        namespace="shop.internal",
        zone="shop.example",
        services=(),
        releases=(),
        jobs=(),
        databases=databases,
        caches=(),
        domains=(),
        origins=(),
        gateway=Gateway("nginx", 1, 8080),
        pooler=Pooler("pgbouncer", 6432, 6433, 10),
        waves=tuple(Wave(wave, (wave,), (f"{wave}-db",), ()) for wave in waves),
        shift=ShiftPlan((100,), 1, 0.01),
        cutover=CutoverPlan(20, 5),
        offramp_image="offramp",
    )


@dataclass(frozen=True)
class Set:
    """Set one fact of the world."""

    key: str
    value: str

    @property
    def title(self) -> str:
        return f"set {self.key} to {self.value}"


@dataclass
class World:
    """The tests' own world: facts, and an error that every look at a stage raises."""

    facts: dict[str, str] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)


Findings = Sequence[Finding[Set]]


def wants(goal: str, key: str, value: str) -> Callable[[object, dict[str, str], Decisions], Findings]:
    def judge(want: object, seen: dict[str, str], decisions: Decisions) -> Findings:
        met = seen.get(key) == value
        return [Finding(goal, Met(f"{key} is {value}") if met else Do((Set(key, value),), f"{key} is not {value}"))]

    return judge


def judge_design(want: object, seen: dict[str, str], decisions: Decisions) -> Findings:
    approved = decisions.get("design/blueprint") == "approve"
    drafted = wants("design/file", "blueprint", "drafted")(want, seen, decisions)
    question = Ask("design/blueprint", "people review blueprint.toml first")
    return [*drafted, Finding("design/blueprint", Met() if approved else question)]


def judge_replicate(want: Blueprint, seen: dict[str, str], decisions: Decisions) -> Findings:
    found = []
    for wave in want.waves:
        link = "reverse" if seen.get(f"primary/{wave.name}") == "aws" else "forward"
        database = wave.databases[0]
        (finding,) = wants(f"replicate/{database}", f"link/{database}", link)(want, seen, decisions)
        found.append(Finding(finding.goal, finding.verdict, (("primary", "heroku"), ("lag_seconds", 0.1))))
    return found


def judge_cutover(want: Blueprint, seen: dict[str, str], decisions: Decisions) -> Findings:
    return [Finding(f"cutover/{wave.name}", _wave(wave.name, seen, decisions)) for wave in want.waves]


def _wave(wave: str, seen: dict[str, str], decisions: Decisions) -> Verdict[Set]:
    primary = seen.get(f"primary/{wave}", "heroku")
    answer = decisions.get(f"cutover/{wave}")
    wanted = "aws" if answer == "go" else "heroku"
    if primary != wanted:
        return Do((Set(f"primary/{wave}", wanted),), f"{wanted} should be primary")
    return Met("aws is primary") if answer == "go" else Ask(f"cutover/{wave}", "heroku is primary", ("go",))


class Shop:
    """A migration with stages of the tests' own in a directory, and the command line that drives it."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self._capsys = directory, capsys
        self.world = World()
        self.waves: tuple[str, ...] = ("main",)
        (directory / "offramp.toml").write_text(SETTINGS)
        (directory / "blueprint.toml").write_text("")

    def look(self, world: World, want: object) -> dict[str, str]:
        return dict(world.facts)

    def act(self, deed: Set, world: World) -> None:
        world.facts[deed.key] = deed.value

    def chapters(self, settings: Settings) -> tuple[Chapter, ...]:
        def stage(name: str, judge: Callable[..., Findings], acts: bool = True) -> Chapter:
            def look(world: World, want: object) -> dict[str, str]:
                if name in world.broken:
                    raise world.broken[name]
                return dict(world.facts)

            return Chapter(Stage(name, look, judge, self.act), lambda: blueprint(*self.waves), acts)

        return (
            stage("discover", wants("discover/estate", "estate", "read"), acts=False),
            stage("design", judge_design, acts=False),
            stage("provision", wants("provision/network", "network", "made")),
            stage("replicate", judge_replicate),
            stage("cutover", judge_cutover),
        )

    def open(self, directory: Path) -> Migration:
        @contextmanager
        def tools(settings: Settings, clock: Clock, interrupt: Interrupt) -> Iterator[World]:
            yield self.world

        drawn = blueprint(*self.waves)
        environ = {"HEROKU_API_KEY": "very-secret-key"}
        parts = Parts(Settings.load, tools, self.chapters, lambda settings: drawn, SystemClock(), environ)
        return Migration(directory, parts)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Run a command line and return its exit status, stdout and stderr."""
        status = main(["--dir", str(self.directory), *words], self.open)
        out, err = self._capsys.readouterr()
        return status, out, err

    def json(self, *words: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        """Run a command with ``--json`` and return its exit status, the envelope and the events before it."""
        status, out, _ = self(*words, "--json")
        *told, last = [json.loads(line) for line in out.splitlines()]
        return status, last, told

    def at_cutover(self) -> None:
        """Everything up to the question whether to cut over."""
        self("decide", "design/blueprint", "approve")
        assert self("run", "--yes")[0] == 3


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, capsys)


COMMANDS: dict[str, tuple[str, ...]] = {
    "discover": ("discover",),
    "design": ("design",),
    "plan": ("plan",),
    "run": ("run", "--yes"),
    "status": ("status",),
    "why": ("why", "provision/network"),
    "decide": ("decide", "design/blueprint", "approve"),
    "cutover": ("cutover", "main", "--yes"),
    "rollback": ("rollback", "main", "--yes"),
    "log": ("log",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_versioned_envelope_as_its_last_line(shop: Shop, command: str) -> None:
    shop.at_cutover()

    status, last, _ = shop.json(*COMMANDS[command])

    assert last["schema"] == f"offramp/{command}/1"
    assert last["exit_status"] == status
    assert last["ok"] == (status == 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_a_missing_offramp_toml_with_usage(shop: Shop, command: str) -> None:
    (shop.directory / "offramp.toml").unlink()

    status, last, _ = shop.json(*COMMANDS[command])

    assert status == 2
    assert last["ok"] is False
    assert last["error"]["code"] == "usage"
    assert "offramp.toml" in last["error"]["message"]
    assert last["error"]["hint"]


def test_every_command_of_the_program_is_tested_here() -> None:
    # A group of its own, which needs no offramp.toml: tests/unit/test_pump_alone_parts.py and tests/process/test_pump_alone.py.
    # The assessment needs an estate (tests/process/test_assess_estate.py); logs and prices have tests of their own.
    assert {*COMMANDS, "rehearse", "pump", "assess", "logs", "drain", "prices"} == set(command_line.commands)


def test_the_json_option_may_stand_before_the_command_too(shop: Shop) -> None:
    status, out, _ = shop("--json", "log")

    assert status == 0
    assert json.loads(out)["schema"] == "offramp/log/1"


def test_words_go_to_stderr_and_data_to_stdout(shop: Shop) -> None:
    status, out, err = shop("discover")

    assert status == 0
    assert re.match(r"discover +met +\d+\.\d s  its goal is met\n$", out)
    assert "discover/estate: set estate to read" in err
    assert err.endswith(f"Next: offramp --dir {shop.directory} design\n")


def test_events_come_as_ndjson_before_the_envelope(shop: Shop) -> None:
    _, last, told = shop.json("discover")

    assert {event["schema"] for event in told} == {"offramp/event/1"}
    assert [event["event"] for event in told][:3] == ["stage-entered", "verdict-reached", "deed-began"]
    assert last["deeds"] == 1


def test_the_journey_stops_at_a_question_and_names_the_answer(shop: Shop) -> None:
    status, last, _ = shop.json("run", "--yes")

    assert status == 3
    assert last["stopped_at"]["decision"] == "design/blueprint"
    assert last["next"] == f"offramp --dir {shop.directory} decide design/blueprint approve"


def test_a_decision_goes_on_and_the_run_asks_for_the_next(shop: Shop) -> None:
    shop("run", "--yes")
    status, last, _ = shop.json("decide", "design/blueprint", "approve", "--who", "ada", "--why", "reviewed")
    assert (status, last["decision"]["who"]) == (0, "ada")

    status, last, _ = shop.json("run", "--yes")

    assert (status, last["next"]) == (3, f"offramp --dir {shop.directory} cutover main")


def test_run_until_stops_there(shop: Shop) -> None:
    shop("decide", "design/blueprint", "approve")

    status, last, _ = shop.json("run", "--yes", "--until", "provision")

    assert status == 0
    assert [stage["name"] for stage in last["stages"]] == ["discover", "design", "provision"]


def test_run_until_a_stage_that_does_not_exist_is_usage(shop: Shop) -> None:
    status, _, err = shop("run", "--yes", "--until", "provisoin")

    assert (status, err) == (2, "There is no stage 'provisoin'. Did you mean provision?\n")


def test_without_yes_and_without_a_terminal_production_is_left_alone(shop: Shop) -> None:
    shop("decide", "design/blueprint", "approve")

    status, _, err = shop("run")

    assert status == 3
    assert "- set network to made" in err
    assert "--yes" in err
    # Files for people to review are written without asking; the world is not touched.
    assert shop.world.facts == {"estate": "read", "blueprint": "drafted"}


def test_a_plan_changes_nothing_and_writes_no_journal(shop: Shop) -> None:
    status, out, _ = shop("plan")

    assert status == 0
    assert "- set estate to read" in out
    assert "cutover     not reached" in out
    assert shop.world.facts == {}
    assert not (shop.directory / "journal.db").exists()


def test_a_refusal_is_exit_status_1_with_its_hint(shop: Shop) -> None:
    def refuse(settings: Settings) -> tuple[Chapter, ...]:
        verdict: Verdict[Set] = Refuse("two tables have no key", hint="Add a key to them.")
        stage: Stage[Any, Any, Any, Set] = Stage(
            "discover", shop.look, lambda *_: [Finding("discover/keys", verdict)], shop.act
        )
        return (Chapter(stage, lambda: None, acts=False),)

    shop.chapters = refuse  # type: ignore[method-assign]

    status, _, err = shop("run", "--yes")

    assert status == 1
    assert "Add a key to them." in err


def test_cutover_and_rollback_go_there_and_back(shop: Shop) -> None:
    shop.at_cutover()

    status, last, _ = shop.json("cutover", "main", "--yes")
    assert (status, shop.world.facts["primary/main"], shop.world.facts["link/main-db"]) == (0, "aws", "reverse")
    assert last["next"].endswith(" run")

    status, last, _ = shop.json("rollback", "main", "--yes")
    assert (status, shop.world.facts["primary/main"], shop.world.facts["link/main-db"]) == (0, "heroku", "forward")
    assert [stage["verdict"] for stage in last["stages"]] == ["met", "met"]

    _, last, _ = shop.json("log")
    assert [(one["name"], one["answer"]) for one in last["decisions"]][1:] == [
        ("cutover/main", "go"),
        ("cutover/main", "back"),
    ]


def decided(shop: Shop) -> list[str]:
    return [one["answer"] for one in shop.json("log")[1]["decisions"] if one["name"] == "cutover/main"]


def test_on_staging_the_first_cutover_of_a_wave_proves_the_way_back(shop: Shop) -> None:
    (shop.directory / "offramp.toml").write_text(SETTINGS.replace("[heroku]", '[heroku]\npipeline_stage = "staging"'))
    shop.at_cutover()

    assert shop("cutover", "main", "--yes")[0] == 0
    assert decided(shop) == ["go", "back", "go"]
    assert (shop.world.facts["primary/main"], shop.world.facts["link/main-db"]) == ("aws", "reverse")

    assert shop("rollback", "main", "--yes")[0] == 0
    assert shop("cutover", "main", "--yes")[0] == 0
    assert decided(shop) == ["go", "back", "go", "back", "go"]


def test_the_way_back_is_proved_where_it_is_asked_for_and_left_out_where_not(shop: Shop) -> None:
    shop.at_cutover()
    assert shop("cutover", "main", "--there-and-back", "--yes")[0] == 0
    assert decided(shop) == ["go", "back", "go"]

    (shop.directory / "offramp.toml").write_text(SETTINGS.replace("[heroku]", '[heroku]\npipeline_stage = "staging"'))
    (shop.directory / "journal.db").unlink(missing_ok=True)
    shop.world.facts.clear()
    shop.at_cutover()
    assert shop("cutover", "main", "--one-way", "--yes")[0] == 0
    assert decided(shop)[-1:] == ["go"]
    assert "back" not in decided(shop)[3:]


def test_a_switch_that_did_not_end_well_is_not_tried_again_by_itself(shop: Shop) -> None:
    shop.at_cutover()
    shop.world.broken["cutover"] = RefusedError("no")

    assert shop("cutover", "main", "--there-and-back", "--yes")[0] != 0
    assert decided(shop) == ["go"]


def test_the_switch_of_one_wave_does_not_wait_for_another(shop: Shop) -> None:
    shop.waves = ("main", "later")
    shop.at_cutover()
    del shop.world.facts["link/later-db"]

    status, _, _ = shop("cutover", "main", "--yes")

    assert status == 0
    assert shop.world.facts["primary/main"] == "aws"
    assert "link/later-db" not in shop.world.facts


def test_a_wave_that_does_not_exist_is_usage_and_decides_nothing(shop: Shop) -> None:
    status, _, err = shop("cutover", "mian", "--yes")

    assert (status, err) == (2, "The blueprint has no wave 'mian'. Did you mean main?\n")
    assert shop.json("log")[1]["decisions"] == []


def test_no_switch_before_there_is_a_blueprint(shop: Shop) -> None:
    (shop.directory / "blueprint.toml").unlink()

    assert shop("cutover", "main", "--yes")[0] == 2
    assert shop("decide", "cutover/main", "go")[0] == 2


def test_after_retiring_was_decided_no_wave_can_switch(shop: Shop) -> None:
    shop("decide", "retire", "approve")

    status, _, err = shop("rollback", "main", "--yes")

    assert status == 1
    assert "retirement of Heroku was decided" in err


def test_a_cutover_says_what_it_does_before_it_asks(shop: Shop) -> None:
    status, _, err = shop("cutover", "main")

    assert status == 3
    assert "main-db" in err and "offramp rollback main" in err
    assert shop.json("log")[1]["decisions"] == []


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("design/bluprint", "approve", "Did you mean design/blueprint?"),
        ("design/blueprint", "aprove", "Did you mean approve?"),
        ("xyzzy", "go", "Decisions are"),
        ("cutover/main", "perhaps", "Answers are: go, back."),
        ("retry/4f1c", "perhaps", "Answers are: yes."),
    ],
)
def test_a_decision_nobody_asks_for_is_usage_with_the_right_word(shop: Shop, name: str, answer: str, hint: str) -> None:
    status, _, err = shop("decide", name, answer)

    assert status == 2
    assert hint in err


def asks(question: str) -> Callable[[object, dict[str, str], Decisions], Findings]:
    def judge(want: object, seen: dict[str, str], decisions: Decisions) -> Findings:
        again = decisions.get(question) == "again"
        return [Finding("discover/task", Met() if again else Ask(question, "the task failed", ("again",)))]

    return judge


@pytest.mark.parametrize("after_a_run", [True, False])
def test_a_question_that_a_stage_makes_up_can_be_answered(shop: Shop, after_a_run: bool) -> None:
    def chapters(settings: Settings) -> tuple[Chapter, ...]:
        stage: Stage[Any, Any, Any, Set] = Stage("discover", shop.look, asks("release/4f1c"), shop.act)
        return (Chapter(stage, lambda: None, acts=True),)

    shop.chapters = chapters  # type: ignore[method-assign]
    if after_a_run:
        assert shop.json("run", "--yes")[1]["stopped_at"]["decision"] == "release/4f1c"

    assert shop("decide", "release/4f1c", "approve")[0] == 2
    assert "Did you mean release/4f1c?" in shop("decide", "release/4f1d", "again")[2]
    assert shop("decide", "release/4f1c", "again")[0] == 0
    assert shop("run", "--yes")[0] == 0


def test_status_fits_on_one_screen_and_says_what_is_true_and_next(shop: Shop) -> None:
    shop.at_cutover()

    status, out, err = shop("status")

    assert status == 0
    assert len(out.splitlines()) <= 24
    assert "cutover     ask" in out
    assert "replicate/main-db: primary is heroku; link/main-db is forward" in out
    assert "Way back: yes, nothing to undo" in out
    assert "Lease: nobody holds it." in out
    assert f"Next: offramp --dir {shop.directory} cutover main" in err


def test_status_says_how_to_go_back_after_a_cutover(shop: Shop) -> None:
    shop.at_cutover()
    shop("cutover", "main", "--yes")

    assert shop.json("status")[1]["way_back"] == {
        "open": True,
        "how": "offramp rollback main",
        "until": "`offramp decide retire approve`",
    }
    shop.world.facts["link/main-db"] = "broken"
    assert shop.json("status")[1]["way_back"]["open"] is False
    shop("decide", "retire", "approve")
    assert shop.json("status")[1]["way_back"]["how"] == "only from the final backup"


def test_status_shows_the_other_stages_when_one_does_not_answer(shop: Shop) -> None:
    shop.at_cutover()
    shop.world.broken["discover"] = UnreachableError("Heroku did not answer.", hint="Is the network up?")

    status, last, _ = shop.json("status")

    assert status == 0
    words = {stage["name"]: stage["verdict"] for stage in last["stages"]}
    assert words == {"discover": "unknown", "design": "met", "provision": "met", "replicate": "met", "cutover": "ask"}


def test_why_explains_a_goal_with_what_was_decided_and_tried(shop: Shop) -> None:
    shop.at_cutover()

    _, last, _ = shop.json("why", "provision/network")
    assert [goal["verdict"] for goal in last["goals"]] == ["met"]
    assert [entry["kind"] for entry in last["entries"]] == ["verdict", "began", "ended", "verdict"]

    _, out, _ = shop("why", "replicate")
    assert "lag_seconds: 0.1" in out


def test_why_of_an_unknown_goal_is_usage_with_the_right_word(shop: Shop) -> None:
    assert "Did you mean provision/network?" in shop("why", "provision/netwrok")[2]
    assert "The stages are" in shop("why", "xyzzy")[2]


def test_log_is_one_stream_and_can_be_shortened(shop: Shop) -> None:
    shop.at_cutover()

    _, out, _ = shop("log")
    assert re.search(r"UTC  \S+ decided design/blueprint: approve\n", out)
    assert re.search(r"UTC  provision/network: ended after [\d.]+ s: set network to made\n", out)
    assert len(shop("log", "--last", "3")[1].splitlines()) == 3


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fly",),
        ("run", "--fast"),
        ("decide", "design/blueprint"),
        ("log", "--last", "0"),
        ("rehearse", "--fault", "earthquake"),
        ("run", "--yes", "--crash-at", "nonsense"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_exit_status_2(shop: Shop, words: tuple[str, ...]) -> None:
    status, last, _ = shop.json(*words)

    assert status == 2
    assert last["error"]["code"] == "usage"


def test_help_and_version_are_exit_status_0(shop: Shop) -> None:
    assert shop("--help")[0] == 0
    assert shop("cutover", "--help")[0] == 0
    assert shop("--version")[1].strip()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CredentialsRejectedError("Heroku rejected the token.", hint="Log in again."), 5, "credentials-rejected"),
        (OSError(28, "No space left on device"), 5, "outside"),
        (KeyError("surprise"), 4, "bug"),
    ],
)
def test_errors_have_the_documented_exit_status(shop: Shop, error: Exception, status: int, code: str) -> None:
    shop.world.broken["discover"] = error

    got, last, _ = shop.json("run", "--yes")

    assert (got, last["error"]["code"]) == (status, code)
    assert last["error"]["hint"]


def test_a_bug_leaves_its_traceback_in_a_file_without_secrets(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "very-secret-key")
    shop.world.broken["discover"] = RuntimeError("very-secret-key postgres://u:hunter2@h/d")

    status, out, err = shop("run", "--yes")

    log = shop.directory / crash.LOG_NAME
    assert status == 4
    assert str(log) in err and "Traceback" not in err
    assert "RuntimeError" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    journal = b"".join(path.read_bytes() for path in shop.directory.glob("journal.db*"))
    for text in (out, err, log.read_text(), journal.decode(errors="replace")):
        assert "hunter2" not in text
        assert "very-secret-key" not in text


def test_opening_a_directory_without_settings_is_a_usage_error(shop: Shop) -> None:
    import offramp

    with pytest.raises(OfframpError, match=r"offramp\.toml"):
        offramp.open(shop.directory / "nowhere")


def test_importing_offramp_imports_nothing_of_its_own() -> None:
    code = "import sys, offramp; print([name for name in sys.modules if name.startswith('offramp.')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
