"""Are verdicts drawn rightly from findings, and does the example estate get a short and sensible answer?"""

from __future__ import annotations

import doctest
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from feasible import app, cache, config, database, estate, example_source, mentoring, other, process
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.assess.feasibility import (
    builds,
    commands,
    diffs,
    dns,
    http,
    jobs,
    kinds,
    model,
    network,
    pooling,
    preflights,
    rules,
)
from offramp.assess.feasibility.model import Answer, Feasibility, Severity, Verdict
from offramp.assess.feasibility.readings import Concern, CostHint, Preflight, Readings, SourceFile, Target, TrafficSeen
from offramp.assess.feasibility.verdicts import judge
from offramp.discover import ties
from offramp.discover.model import Call, Estate

PUMP = Path(__file__).parents[2] / "src" / "offramp" / "pump"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "findings.md"


def judged(world: Estate, readings: Readings | None = None, cost: tuple[CostHint, ...] = ()) -> Feasibility:
    return judge(world, (), readings or Readings(), cost)


def verdict(answer: Feasibility, name: str) -> Verdict:
    return next(one for one in answer.apps if one.name == name)


def test_the_example_gets_a_short_answer() -> None:
    answer = judged(mentoring())

    assert [finding.key for finding in answer.findings] == [
        "proxy-trust-from-the-buildpack",
        "keep-alive-short",
        "addon-replace",
        "attachment-owned",
        "release-phase",
        "region",
        "cache-way-back",
        "dns-and-certificates",
    ]
    assert {one.sentence for one in (*answer.apps, *answer.waves)} == {"move after mending 1"}
    assert len(answer.unseen) == 3


def test_the_examples_source_answers_what_its_commands_leave_open() -> None:
    looked = Readings(log_days=7, files=example_source(), target=Target(region="us-east-1"))
    answer = judge(
        mentoring(), (Preflight("postgresql-mentors-api", ()), Preflight("postgresql-sessions-api", ())), looked
    )

    assert {one.sentence for one in (*answer.apps, *answer.waves)} == {"move"}
    assert not (answer.of(Severity.BLOCKS) or answer.of(Severity.FIRST) or answer.unseen)
    assert [finding.key for finding in answer.of(Severity.AFTER)] == ["addon-replace"]


def test_the_example_moves_in_one_wave() -> None:
    (wave,) = judged(mentoring()).waves

    assert (wave.name, wave.apps) == ("main", ("mentors-api", "sessions-api", "web"))


def test_apps_that_have_nothing_in_common_move_in_waves_of_their_own() -> None:
    world = estate(app("shop"), app("billing"), others=(other("heroku-kafka", "billing"),))
    answer = judged(world)

    assert [(one.name, one.answer) for one in answer.waves] == [("billing", Answer.STAY), ("shop", Answer.MOVE)]


def test_an_app_that_must_stay_keeps_its_wave() -> None:
    world = estate(
        app("shop"), app("billing"), others=(other("heroku-kafka", "billing"),), calls=(Call("shop", "billing", "9"),)
    )
    answer = judged(world)

    assert verdict(answer, "shop").answer is Answer.MOVE
    assert [one.answer for one in answer.waves] == [Answer.STAY]


def test_a_copied_address_ties_apps_together() -> None:
    world = estate(app("shop"), app("billing"), databases=(database("shop", copied_to=("billing:LEGACY",)),))

    assert ties.groups(world) == (("billing", "shop"),)


@pytest.mark.parametrize(
    ("world", "because"),
    [
        (estate(app("shop"), others=(other("heroku-connect", "shop"),)), "Heroku Connect (heroku-connect-1)"),
        (estate(app("shop"), others=(other("heroku-kafka", "shop"),)), "Apache Kafka on Heroku (heroku-kafka-1)"),
        (estate(app("shop"), databases=(database("shop", version=130000),)), "PostgreSQL older than 14 (postgresql-shop)"),
        (estate(app("shop", process("web", "gunicorn a -w 2", size="Eco"))), "Too small to be worth a move of its own"),
        (estate(replace(app("shop"), generation="fir")), "An app of Heroku's Fir generation"),
    ],
    ids=["Connect", "Kafka", "PostgreSQL 13", "Eco", "Fir"],
)  # fmt: skip
def test_it_can_say_do_not_move_this_one_and_why(world: Estate, because: str) -> None:
    (app_,) = judged(world).apps

    assert app_.sentence == f"do not move, because: {because}"


def test_a_bill_that_grows_is_a_reason_to_stay() -> None:
    answer = judged(estate(app("shop")), cost=(CostHint("main", 5_700, 14_300),))

    assert answer.waves[0].answer is Answer.STAY
    assert "$57 a month on Heroku, $143" in next(one.seen[0] for one in answer.findings if one.key == "dearer-on-aws")


def test_what_was_not_looked_at_is_said() -> None:
    world = replace(mentoring(), unread=("The drains of web could not be read.",))
    said = judged(world).unseen

    assert [sentence.split()[0:3] for sentence in said] == [
        ["The", "pump's", "preflight"], ["No", "logs", "were"], ["The", "source", "of"], ["The", "drains", "of"],
    ]  # fmt: skip


def test_the_pumps_words_about_the_same_thing_are_one_finding() -> None:
    bare = tuple(
        Concern(f"public.t{n}", "It has no usable key, so its rows are followed as whole images.", "Add one.", False)
        for n in range(40)
    )
    answer = judge(
        estate(app("shop"), databases=(database("shop"),)), (Preflight("postgresql-shop", bare),), Readings()
    )
    found = [one for one in answer.findings if one.key.startswith("preflight")]

    assert [len(one.objects) for one in found] == [40]
    assert found[0].severity is Severity.KNOW


@pytest.mark.parametrize(
    "words", (*preflights.OF_A_TARGET, *preflights.TOLD_ELSEWHERE, *(words for words, _ in preflights.TO_DO))
)
def test_words_by_which_the_pumps_concerns_are_told_apart_are_the_pumps(words: str) -> None:
    said = "".join(path.read_text("utf-8") for path in PUMP.glob("*.py"))

    assert words in said


def test_an_app_that_others_call_only_needs_no_domain_of_its_own() -> None:
    called = estate(app("shop", domains=()), app("front"), calls=(Call("front", "shop", "12 requests in the log"),))
    (finding,) = (one for one in judge(called, (), Readings()).findings if one.key == "no-custom-domain")

    assert finding.severity is Severity.KNOW


def test_the_budget_counts_both_sides_and_the_link() -> None:
    world = estate(
        app("shop", process("web", "gunicorn a -w 3 --threads 4 --keep-alive 75", quantity=2)),
        databases=(database("shop", limit=40),),
    )
    (finding,) = (one for one in judged(world).findings if one.key == "connections-scarce")

    assert finding.seen[0] == "postgresql-shop allows 40: dynos 24, pooler 13, link 5 are 42."
    assert finding.certain


def test_a_copied_address_is_mended_by_an_attachment_of_the_same_name() -> None:
    owner = app("shop", variables=(config("DATABASE_URL", "it", "DATABASE"),))
    world = estate(owner, app("billing", variables=(config("SHOP_DATABASE_URL", "it"),)), databases=(database("shop"),))
    (finding,) = (one for one in judged(world).findings if one.key == "database-url-copied")
    (mend, *_) = finding.mends

    assert isinstance(mend, model.Commands)
    assert mend.lines[:2] == (
        "heroku config:unset SHOP_DATABASE_URL -a billing",
        "heroku addons:attach postgresql-shop --as SHOP_DATABASE -a billing",
    )
    assert finding.apps == ("billing", "shop")


def test_evidence_of_a_value_is_never_the_value() -> None:
    secret = "sk_live_hunter2"
    world = estate(
        app("shop", variables=(config("API_KEY", secret),)), app("billing", variables=(config("API_KEY", secret),))
    )

    assert secret not in judged(world).to_json()


def test_distance_is_told_in_seconds_a_request() -> None:
    world = estate(replace(app("shop"), region="eu"), databases=(database("shop"),))
    readings = Readings(traffic=(TrafficSeen("shop", 100, queries_per_request=40),), target=Target(region="us-east-1"))
    (finding,) = (one for one in judged(world, readings).findings if one.key == "region-apart")

    assert finding.seen[1] == "shop asks 40 queries a request: about 3.2 s more for each request until the switch."


def test_the_document_holds_every_finding_and_verdict() -> None:
    answer = judged(mentoring())
    document = json.loads(answer.to_json())

    assert document["counts"] == {"blocks": 0, "mend first": 1, "mend after": 2, "know": 5}
    assert Counter(one["severity"] for one in document["findings"]) == {"mend first": 1, "mend after": 2, "know": 5}
    assert [one["sentence"] for one in document["waves"]] == ["move after mending 1"]


def test_a_strange_source_file_breaks_nothing() -> None:
    odd = (
        SourceFile("shop", "a.py", "\x00\ufffd" * 500 + "MEDIA_ROOT"),
        SourceFile("shop", "", ""),
        SourceFile("gone", "x", "y"),
    )
    world = estate(app("shop", process("web", "gunicorn 'unbalanced -w")), caches=(cache("shop"),))

    assert judged(world, Readings(files=odd)).findings


@pytest.mark.parametrize(
    "module",
    [builds, commands, diffs, dns, ties, http, jobs, kinds, model, network, pooling],
    ids=lambda one: one.__name__,
)
def test_the_examples_in_docstrings_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]

    assert (failed, tried > 0) == (0, True)


ODD = st.text(max_size=40)


@settings(max_examples=25, deadline=None)
@given(command=ODD, buildpack=ODD, host=ODD, variable=ODD, plan=ODD, text=ODD)
def test_no_text_that_heroku_may_hold_breaks_a_rule(
    command: str, buildpack: str, host: str, variable: str, plan: str, text: str
) -> None:
    odd = replace(
        app("shop", process("web", command), variables=(config(variable),), domains=(host,)),
        buildpacks=(buildpack, "heroku/python"),
    )
    stored = database("shop", plan=plan, concerns=(text,))
    world = estate(odd, databases=(stored,), caches=(cache("shop", plan),), others=(other(text, "shop"),))

    assert judged(world, Readings(files=(SourceFile("shop", "Procfile", text),))).to_json()


@pytest.mark.parametrize("kind", rules.KINDS, ids=lambda kind: kind.key)
def test_every_kind_of_finding_is_on_the_page(kind: kinds.Kind) -> None:
    row = f"| `{kind.key}` | {kind.severity} | {kind.title} | {kind.why} | {kind.source.text} ({kind.source.date}) |"

    assert row in PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "severity"), [("celery -A shop worker -c 4", Severity.FIRST), ("bundle exec sidekiq", Severity.KNOW)]
)
def test_a_queue_that_may_lose_a_job_is_mended_first(command: str, severity: Severity) -> None:
    world = estate(app("shop", process("web", "gunicorn a -w 1"), process("worker", command)))

    assert [one.severity for one in judged(world).findings if one.key == "queue-in-flight"] == [severity]
