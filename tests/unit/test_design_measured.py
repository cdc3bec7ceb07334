"""Does the blueprint take the sizes that the assessment measured, where they can be relied on?"""

from __future__ import annotations

from dataclasses import replace

import assessments
import pytest
from test_design_blueprint import ESTATE, service, settings

from offramp.assess.latency.model import Latency
from offramp.assess.model import Assessment
from offramp.design import propose, writer
from offramp.design.measured import Measured, measured
from offramp.discover.model import ConfigVar, Estate

FOUND = assessments.latency()
assert FOUND.sizing is not None
SIZING = replace(FOUND.sizing, held_up_by=(), now=replace(FOUND.sizing.now, workers_per_task=FOUND.split.workers))
SURE = replace(FOUND, sizing=SIZING)


def assessment(latency: Latency) -> Assessment:
    return replace(assessments.assessment(), latencies=(latency,))


def with_concurrency(estate: Estate) -> Estate:
    apps = (replace(app, config=(*app.config, ConfigVar("WEB_CONCURRENCY", "f"))) for app in estate.apps)
    return replace(estate, apps=tuple(apps))


def test_a_measured_size_replaces_the_one_that_is_like_the_dyno() -> None:
    found = measured(ESTATE, assessment(SURE))
    made = propose.propose(ESTATE, settings(), found)
    web, worker = service(made, "sessions-api-web"), service(made, "sessions-api-worker")

    assert (web.count, web.cpu, web.memory) == (2, 1024, 2048)
    assert worker == service(propose.propose(ESTATE, settings()), "sessions-api-worker")
    assert "its own requests have a p99 of 610 ms there (at most 1,000 ms wanted); 4 tasks" in writer.render(
        made, ESTATE, found
    )


@pytest.mark.parametrize(
    "latency",
    [
        replace(SURE, app="another"),
        replace(SURE, sizing=None),
        replace(SURE, sizing=replace(SIZING, meets=False)),
        replace(SURE, sizing=replace(SIZING, held_up_by=("GET /reports",))),
        replace(SURE, split=replace(FOUND.split, confidence="low")),
        # Its command says another number of workers than was reckoned with.
        replace(SURE, sizing=replace(SIZING, now=replace(SIZING.now, workers_per_task=4))),
    ],
)
def test_a_size_that_cannot_be_relied_on_is_left_alone(latency: Latency) -> None:
    assert measured(ESTATE, assessment(latency)) == ()
    assert measured(ESTATE, None) == ()


def test_more_workers_are_asked_for_where_the_app_takes_their_number_from_its_config() -> None:
    more = replace(SURE, sizing=replace(SIZING, now=replace(SIZING.now, workers_per_task=4)))
    estate = with_concurrency(ESTATE)
    said = replace(
        estate,
        apps=tuple(
            replace(app, processes=tuple(replace(one, command="gunicorn x --workers=2") for one in app.processes))
            for app in estate.apps
        ),
    )

    (found,) = measured(estate, assessment(more))
    assert isinstance(found, Measured)
    assert found.env == (("WEB_CONCURRENCY", "4"),)
    assert measured(said, assessment(more)) == ()
