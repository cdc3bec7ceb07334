"""Is an assessment composed, kept and told as it was found, whatever part is missing and whatever its names hold?"""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import assessments
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.assess import answers, asking, file, request, summary, words
from offramp.assess.compose import compose
from offramp.assess.cost.model import Comparison
from offramp.assess.evidence import Evidence
from offramp.assess.feasibility.model import Feasibility
from offramp.assess.gather import seen_in_logs
from offramp.assess.judge import judge
from offramp.assess.model import Answer, Assessment, Conditions, Gap
from offramp.assess.page import charts, markup, parts, render
from offramp.assess.seen import Assess, Seen, Unreadable
from offramp.discover.model import Estate
from offramp.engine.verdict import Do, Met, Refuse
from offramp.errors import UsageError
from offramp.settings import Settings

HOSTILE = "</style><script>alert(1)</script>\"'>&\x00\x1b[31m\u202e\ud800 $title ${style}"
SETTINGS = Settings.parse(
    'name = "shop"\n[heroku]\n[aws]\nregion = "eu-west-1"\naccount = "123456789012"\n[assess]\nobjective_ms = 700\n',
    Path("work"),
)


def nothing() -> Evidence:
    """What is gathered where there are no logs, no databases and no prices."""
    estate = Estate((), (), (), (), (), 0)
    conditions = Conditions(1000, "us-east-1", "logs")
    return Evidence("shop", 1.8e9, "0.1.0", "f00", estate, conditions)


def hostile() -> Assessment:
    """An assessment of which every text that came from outside is an attack."""
    found = assessments.assessment()
    latency = assessments.latency()
    worse = replace(
        latency,
        app=HOSTILE,
        sentence=HOSTILE,
        routes=tuple(replace(row, route=HOSTILE * 20) for row in latency.routes),
        causes=tuple(replace(cause, subject=HOSTILE, hypothesis=HOSTILE, mend=HOSTILE) for cause in latency.causes),
    )
    advice = assessments.advice()
    told = replace(advice, statements=tuple(replace(one, text=HOSTILE) for one in advice.statements))
    return replace(found, name=HOSTILE, latencies=(worse,), databases=(told,))


# The file


def test_an_assessment_is_read_back_as_it_was_written() -> None:
    found = assessments.assessment()

    assert file.parse(file.dump(found)) == found


def test_the_same_assessment_gives_the_same_file_and_page() -> None:
    assert file.dump(assessments.assessment()) == file.dump(assessments.assessment())
    assert render(assessments.assessment()) == render(assessments.assessment())


def test_an_assessment_of_nothing_is_kept_too() -> None:
    found = compose(nothing())

    assert file.parse(file.dump(found)) == found


def spoilt(content: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    place: Any = content
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema",), "offramp/assessment/9", "has the schema 'offramp/assessment/9'"),
        (("made_at",), None, "has no `made_at`"),
        (("surprise",), 1, "has `surprise`, which offramp does not know"),
        (("name",), 7, "assessment.json.name is not a text"),
        (("made_at",), True, "assessment.json.made_at is not a number"),
        (("latencies",), {}, "assessment.json.latencies is not a list"),
        (("latencies", 0, "split", "method"), "guessed", "latencies[0].split.method is not one of"),
        (("cost", "book_date"), "yesterday", "assessment.json.cost.book_date is not a day"),
        (("cost", "payback", "one_off_cents", "low"), "99999999", "one_off_cents cannot be: a range goes upwards"),
        (("feasibility", "findings", 0, "severity"), "awful", "findings[0].severity is not a known word"),
        (("feasibility", "findings", 0, "mends", 0, "is"), "Magic", "mends[0] is not one of the kinds"),
    ],
)
def test_a_file_that_offramp_did_not_write_is_refused_by_the_place_of_the_mistake(
    path: tuple[str | int, ...], value: object, said: str
) -> None:
    content = spoilt(json.loads(file.dump(assessments.assessment())), *path, value=value)

    with pytest.raises(UsageError) as refused:
        file.parse(json.dumps(content))

    assert said in refused.value.message
    assert "offramp assess" in refused.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{", "nothing", '{"schema": 1}'])
def test_what_is_no_assessment_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        file.parse(text)


@given(st.floats(), st.text())
def test_any_figure_and_any_text_survive_the_file(figure: float, said: str) -> None:
    conditions = Conditions(figure, said, said)
    found = replace(compose(nothing()), conditions=conditions, made_at=1.0)

    again = file.parse(file.dump(found))

    assert repr(again.conditions.objective_ms) == repr(figure)
    assert again.conditions.region == said.encode("utf-8", "replace").decode()


# The three answers


def test_without_anything_every_answer_says_what_is_missing() -> None:
    found = compose(nothing())

    assert [answer.known for answer in found.answers] == [False, False, False]
    assert {answer.figure for answer in found.answers} == {answers.UNKNOWN}
    assert all(answer.sentence for answer in found.answers)


def test_a_gap_gives_its_reason_and_its_remedy_to_the_answer() -> None:
    gap = Gap("latency", "", "no log lines were taken in", "offramp logs --import FILE")

    said = answers.slow((), (gap,)).sentence

    assert said == "No log lines were taken in. To find out: offramp logs --import FILE"


def test_the_app_with_the_most_time_above_the_objective_speaks_for_all() -> None:
    found = compose(replace(nothing(), latencies=(assessments.quiet_latency(), assessments.latency())))

    assert found.slow.unit == "p99 of sessions-api, the slowest of 2 apps"
    assert [one.app for one in found.latencies] == ["sessions-api", "mentors-api"]


def of(*keys: str) -> Feasibility:
    """The sample's feasibility with these findings, and verdicts that fit them."""
    found = assessments.feasible()
    findings = tuple(one for one in found.findings if one.key in keys)
    apps = tuple(one for one in found.apps if set(one.keys) <= set(keys))
    return replace(found, findings=findings, apps=apps)


@pytest.mark.parametrize(
    ("keys", "figure"),
    [
        (("connect", "disk-uploads", "keep-alive"), "2 of 3 apps"),
        (("disk-uploads", "keep-alive"), "After 2 mends"),
        (("drain", "cron"), "Yes"),
    ],
)
def test_whether_it_can_move_is_said_by_the_worst_finding(keys: tuple[str, ...], figure: str) -> None:
    assert answers.move(of(*keys), ()).figure == figure


def staying() -> Comparison:
    found = assessments.comparison()
    return replace(found, verdict=replace(found.verdict, word="stay", sentence="AWS costs $40 more a month."))


def test_staying_is_said_as_plainly_as_moving() -> None:
    said = answers.worth(staying(), ())

    assert said.figure == "Stay"
    assert said.sentence == "AWS costs $40 more a month."


# The judge


def judged(seen: Seen, *, since: float = 0.0, approved: bool = False) -> object:
    want = replace(request.by_itself(SETTINGS), since=since)
    (finding,) = judge(want, seen, {"design/blueprint": "approve"} if approved else {})
    return finding.verdict


KEPT = assessments.assessment()


@pytest.mark.parametrize(
    ("seen", "since", "approved", "verdict"),
    [
        (Seen(None, None), 0.0, False, Refuse),
        (Seen("new", None), 0.0, False, Do),
        (Seen(KEPT.estate, KEPT), 0.0, False, Met),
        (Seen("new", KEPT), 0.0, False, Do),
        (Seen("new", KEPT), 0.0, True, Met),
        (Seen("new", None), 0.0, True, Met),
        (Seen("new", Unreadable("bad")), 0.0, False, Do),
        (Seen(KEPT.estate, KEPT), KEPT.made_at + 1, False, Do),
        (Seen(KEPT.estate, KEPT), KEPT.made_at + 1, True, Do),
        (Seen(KEPT.estate, KEPT), KEPT.made_at, True, Met),
    ],
)
def test_an_assessment_is_made_when_it_is_due_and_never_in_the_way(
    seen: Seen, since: float, approved: bool, verdict: type
) -> None:
    assert isinstance(judged(seen, since=since, approved=approved), verdict)


def test_the_deed_says_which_files_it_writes() -> None:
    assert "assessment.json" in Assess(request.by_itself(SETTINGS)).title


def test_what_is_asked_for_goes_before_the_settings() -> None:
    usual = request.anew(SETTINGS, 5.0)
    asked = request.anew(SETTINGS, 5.0, objective_ms=300, region="us-west-2", logs=Path("/elsewhere"))

    assert (usual.conditions.objective_ms, usual.conditions.region, usual.logs) == (700, "eu-west-1", Path("work/logs"))
    assert (asked.conditions.objective_ms, asked.conditions.region) == (300, "us-west-2")
    assert asked.logs == Path("/elsewhere")
    assert not asked.conditions.brief
    assert request.by_itself(SETTINGS).conditions.brief


# What-ifs


@pytest.mark.parametrize(
    "typed", ["traffic=0", "arm=maybe", "spot=2", "log-days=x", "commitment=5-year", "traffic", "moon=1", ""]
)
def test_a_what_if_that_is_none_is_refused_with_the_right_words(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        asking.flags((typed,), "us-east-1")

    assert refused.value.hint


def test_every_what_if_sets_its_flag() -> None:
    values = {
        "traffic": "2", "arm": "yes", "multi-az": "no", "staging": "no", "spot": "0.5", "log-days": "7", "commitment": "3-year",
        "overlap-weeks": "2", "engineering": "1000",
    }  # fmt: skip
    usual = asking.flags((), "us-east-1")

    assert set(values) == set(asking.WHAT_IFS)
    for name, value in values.items():
        assert asking.flags((f"{name}={value}",), "us-east-1") != usual, name


# The summary


def everything(count: int) -> Assessment:
    """An estate of so many of everything."""
    found = assessments.assessment()
    latency, feasible = assessments.latency(), assessments.feasible()
    assert latency.replay is not None
    long = replace(
        latency, causes=latency.causes * count, replay=replace(latency.replay, rows=latency.replay.rows * count)
    )
    return replace(
        found,
        latencies=(long,) * count,
        feasibility=replace(feasible, findings=feasible.findings * count),
        coverage=found.coverage * count,
        gaps=found.gaps * count,
        slow=replace(found.slow, sentence="Slow because of this. " * 60),
        move=replace(found.move, sentence="Moves because of that. " * 60),
        worth=replace(found.worth, sentence="Worth it because of those. " * 60),
    )


@pytest.mark.parametrize("found", [assessments.assessment(), compose(nothing()), hostile(), everything(40)])
def test_the_summary_fits_a_terminal(found: Assessment) -> None:
    lines = summary.text(found).splitlines()

    assert len(lines) <= summary.MOST_LINES
    assert max(map(len, lines)) <= summary.WIDTH
    assert all(letter.isprintable() for line in lines for letter in line)


def test_the_summary_holds_the_three_answers_and_the_three_designs() -> None:
    said = summary.text(assessments.assessment())

    for part in (
        "Why is it slow?  8.4 s",
        "Can it move?  2 of 3 apps",
        "$307 → $252",
        "AWS, lean",
        "AWS, highly available",
        "queue 71%",
    ):
        assert part in said


def test_what_matters_most_is_not_what_a_long_summary_loses() -> None:
    said = summary.text(everything(40))

    assert "What will it cost" in said
    assert "AWS, highly available" in said


# The page


class Read(HTMLParser):
    """Every tag and address of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        held = dict(attrs)
        self.addresses += [value for name in ("href", "src", "action") if (value := held.get(name))]
        self.ids += [value for name in ("id",) if (value := held.get(name))]


def read(found: Assessment) -> Read:
    page = Read()
    page.feed(render(found))
    return page


@pytest.mark.parametrize("found", [assessments.assessment(), hostile(), compose(nothing()), everything(3)])
def test_the_page_asks_no_other_host_and_runs_nothing(found: Assessment) -> None:
    page = read(found)

    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert "default-src 'none'" in render(found)


def test_no_text_of_the_customers_becomes_a_tag() -> None:
    page = render(hostile())

    assert "<script" not in page
    assert "alert(1)" in page
    assert page.count("<style>") == 1
    assert not set("\x00\x1b\u202e\ud800") & set(page)
    page.encode("utf-8")


def test_every_link_leads_somewhere_and_no_id_is_used_twice() -> None:
    page = read(assessments.assessment())

    assert len(page.ids) == len(set(page.ids))
    assert {address.removeprefix("#") for address in page.addresses} <= set(page.ids)


def test_every_chart_is_well_formed_and_can_be_read_out() -> None:
    page = render(assessments.assessment())
    drawn = [piece.partition("</svg>")[0] + "</svg>" for piece in page.split("<svg ")[1:]]

    assert len(drawn) > 20
    for piece in drawn:
        if "viewBox" in piece or "<svg" in piece:
            continue
        root = ElementTree.fromstring(f"<svg {piece}".replace("<svg <svg", "<svg"))
        if root.get("aria-hidden") != "true":
            assert root.get("role") == "img"
            assert [child.tag.rpartition("}")[2] for child in root[:2]] == ["title", "desc"]


def test_the_chart_of_a_course_is_well_formed_too() -> None:
    points = [charts.Point(float(hour), 100.0 + hour) for hour in range(5)]
    drawn = charts.course("c", "p99", "told", points, 1000, ("a", "b", "c", "d"), words.duration)

    assert ElementTree.fromstring(drawn).get("role") == "img"


@given(st.lists(st.floats(0, 1e12), max_size=9))
def test_a_bar_never_leaves_its_frame(values: list[float]) -> None:
    segments = [charts.Segment(f"part {number}", value, "1%", "queue") for number, value in enumerate(values)]
    root = ElementTree.fromstring(charts.stack("s", "parts", segments))
    ends = [
        float((shape.get("x") or "0").rstrip("%")) + float((shape.get("width") or "0").rstrip("%"))
        for shape in root
        if shape.tag.endswith("rect")
    ]

    assert all(end <= 100.2 for end in ends)


@given(st.text())
def test_escaped_text_is_text(said: str) -> None:
    root = ElementTree.fromstring(markup.tag("p", said))

    assert not list(root)


def test_a_table_says_its_columns_in_every_cell_for_narrow_screens() -> None:
    drawn = parts.table("Sums", (parts.Column("name"), parts.Column("sum", True)), [parts.Row(("a", "1"))])

    assert '<th scope="row">a</th><td class="number" data-label="sum"><div>1</div></td>' in drawn


def test_the_page_says_what_is_missing_and_the_command_that_mends_it() -> None:
    gap = Gap("latency", "web", "no log lines were taken in", "offramp logs --import web.log --app web")
    page = render(compose(replace(nothing(), gaps=(gap,))))

    assert "offramp logs --import web.log --app web" in page


def test_doubtful_data_is_said_on_the_first_screen() -> None:
    page = render(assessments.assessment())

    assert "1,310 lines lost by Heroku (L10)" in page.partition("<main")[0]


def test_an_unknown_answer_is_not_dressed_as_a_figure() -> None:
    unknown = Answer("Why is it slow?", answers.UNKNOWN, "", "No log line was taken in.", known=False)
    page = render(replace(assessments.assessment(), slow=unknown, latencies=()))

    assert "Not known yet" in page.partition("<main")[0]
    assert "answer-slow-chart" not in page


@pytest.mark.parametrize("module", [answers, asking, charts, markup, parts, seen_in_logs, words])
def test_the_examples_in_docstrings_run(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)

    assert failed == 0
    assert tried > 0
