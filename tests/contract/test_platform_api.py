"""Does the simulated Heroku keep the Platform API's manners: credentials, paging, limits, errors, releases?"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from platform_fixtures import Running, running_platform, until, write_estate, write_front

from offramp.rehearsal.platform.api import paging
from offramp.rehearsal.platform.limits import Bucket


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    estate = write_estate(module_folder / "estate")
    with running_platform(module_folder / "platform", estate, "--scheduler-scale", "100") as platform:
        yield platform


def test_a_wrong_token_is_answered_with_401_and_an_id(heroku: Running) -> None:
    answer = heroku.call("GET", "/apps", token="HRKU-wrong")

    assert answer.status == 401
    assert answer.json == {"id": "unauthorized", "message": "Invalid credentials provided."}


def test_the_token_is_also_taken_as_the_password_of_basic(heroku: Running) -> None:
    basic = base64.b64encode(f":{heroku.token}".encode()).decode()

    assert heroku.call("GET", "/apps", headers={"Authorization": f"Basic {basic}"}).status == 200


def test_the_read_token_sees_config_vars_and_changes_nothing(heroku: Running) -> None:
    token = str(heroku.ready["read_token"])
    resolved = heroku.call("POST", "/actions/addons/resolve", {"addon": "DATABASE", "app": "shop"}, token=token)
    refused = heroku.call("PATCH", "/apps/front/config-vars", {"A": "1"}, token=token)

    assert heroku.call("GET", "/apps/front/config-vars", token=token).json["COLOUR"] == "blue"
    assert resolved.status == 200
    assert (refused.status, refused.json["id"]) == (403, "forbidden")


def test_prices_are_open_to_anybody(heroku: Running) -> None:
    answer = heroku.call("GET", "/addon-services/heroku-postgresql/plans", token="")

    assert answer.status == 200
    assert {"heroku-postgresql:standard-0": 5000}.items() <= {
        p["name"]: p["price"]["cents"] for p in answer.json
    }.items()


def test_a_call_without_the_version_is_told_to_name_it(heroku: Running) -> None:
    answer = heroku.call("GET", "/apps", headers={"Accept": "application/json"})

    assert (answer.status, answer.json["id"]) == (404, "missing_version")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "identity"),
    [
        ("GET", "/apps/nothing", None, 404, "not_found"),
        ("GET", "/no/such/route", None, 404, "not_found"),
        ("PATCH", "/apps/shop/config-vars", {"DATABASE_URL": "x"}, 422, "invalid_params"),
        ("PATCH", "/apps/shop/config-vars", {"DATABASE_URL": None}, 422, "invalid_params"),
        ("PATCH", "/apps/shop/config-vars", {"A": 1}, 422, "invalid_params"),
        ("PATCH", "/apps/shop/formation", {"updates": [{"type": "web", "quantity": "-1"}]}, 422, "invalid_params"),
        ("PATCH", "/apps/shop/formation", {"updates": [{"type": "clock", "quantity": 1}]}, 404, "not_found"),
        ("PATCH", "/apps/shop/formation", {"updates": [{"type": "web", "dyno_size": "huge"}]}, 422, "invalid_params"),
        ("PATCH", "/apps/shop", {"maintenance": "on"}, 422, "invalid_params"),
        ("POST", "/apps/shop/log-drains", {"url": "syslog://h:1"}, 422, "invalid_params"),
        ("POST", "/apps/shop/addons", {"plan": "heroku-kafka:basic-0"}, 404, "not_found"),
        ("POST", "/apps/shop/dynos", {}, 400, "bad_request"),
        ("POST", "/apps/shop/domains", {"hostname": "www.tiny.example"}, 422, "invalid_params"),
        ("GET", "/client/v11/databases/nothing", None, 404, "not_found"),
    ],
)
def test_a_bad_call_gets_herokus_status_and_id(
    heroku: Running, method: str, path: str, body: object, status: int, identity: str
) -> None:
    answer = heroku.call(method, path, body)

    assert (answer.status, answer.json["id"]) == (status, identity)
    assert answer.json["message"]


def test_every_answer_has_a_request_id_and_a_given_one_comes_back(heroku: Running) -> None:
    assert heroku.call("GET", "/apps").headers["request-id"]
    assert heroku.call("GET", "/apps", headers={"Request-Id": "mine"}).headers["request-id"] == "mine"


def test_an_unchanged_answer_is_304(heroku: Running) -> None:
    tag = heroku.call("GET", "/apps/front").headers["etag"]

    assert heroku.call("GET", "/apps/front", headers={"If-None-Match": tag}).status == 304


def test_rate_limit_remaining_counts_down_but_not_for_the_question_itself(heroku: Running) -> None:
    first = int(heroku.call("GET", "/apps").headers["ratelimit-remaining"])
    asked = heroku.call("GET", "/account/rate-limits").json["remaining"]
    second = int(heroku.call("GET", "/apps").headers["ratelimit-remaining"])

    assert asked >= first
    assert second >= first - 1


def test_a_list_is_paged_with_206_until_its_end(heroku: Running) -> None:
    names, wanted = [], "name ..; max=1"
    for _ in range(3):
        answer = heroku.call("GET", "/apps", headers={"Range": wanted})
        names += [app["name"] for app in answer.json]
        if answer.status == 200:
            break
        wanted = answer.headers["next-range"]

    assert names == ["front", "shop"]
    assert "next-range" not in answer.headers


def test_the_newest_release_comes_first_when_asked(heroku: Running) -> None:
    ranged = {"Range": "version ..; order=desc,max=2"}
    versions = [release["version"] for release in heroku.call("GET", "/apps/shop/releases", headers=ranged).json]

    assert versions == sorted(versions, reverse=True)
    assert len(versions) == 2


def test_a_malformed_range_is_refused(heroku: Running) -> None:
    assert heroku.call("GET", "/apps", headers={"Range": "bytes=0-1"}).status == 400


def test_a_config_change_makes_one_release_and_no_change_makes_none(heroku: Running) -> None:
    def version() -> int:
        ranged = {"Range": "version ..; order=desc,max=1"}
        return int(heroku.call("GET", "/apps/front/releases", headers=ranged).json[0]["version"])

    before = version()
    heroku.call("PATCH", "/apps/front/config-vars", {"ONE": "1", "TWO": "2"})
    heroku.call("PATCH", "/apps/front/config-vars", {"ONE": "1"})
    after = version()

    assert after == before + 1


def test_a_failed_release_phase_leaves_the_release_before_in_use(heroku: Running) -> None:
    before = next(r for r in heroku.call("GET", "/apps/shop/releases").json if r["current"])
    heroku.call("PATCH", "/apps/shop/config-vars", {"FAIL_RELEASE": "1"})
    until(lambda: heroku.call("GET", "/apps/shop/releases").json[-1]["status"] == "failed", "the failed release")
    now = next(r for r in heroku.call("GET", "/apps/shop/releases").json if r["current"])
    heroku.call("PATCH", "/apps/shop/config-vars", {"FAIL_RELEASE": None})
    until(lambda: heroku.call("GET", "/apps/shop/releases").json[-1]["status"] == "succeeded", "the repaired release")

    assert now["version"] == before["version"]


def test_the_scheduler_runs_its_job_until_the_add_on_is_gone(heroku: Running) -> None:
    def runs() -> list[str]:
        return [line for line in heroku.lines("shop", "app") if "[scheduler." in line and "tidied up" in line]

    until(lambda: runs(), "the first run")
    addon = next(addon for addon in heroku.call("GET", "/addons").json if addon["plan"]["name"] == "scheduler:standard")
    assert heroku.call("DELETE", f"/apps/shop/addons/{addon['name']}").status == 200
    assert addon["name"] not in [addon["name"] for addon in heroku.call("GET", "/addons").json]


def test_the_bucket_refills_with_time() -> None:
    clock = [0.0]
    bucket = Bucket(2, lambda: clock[0])

    assert [bucket.take(), bucket.take(), bucket.take()] == [True, True, False]
    clock[0] = 0.8
    assert bucket.take()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id ..; max=1000;", [1, 2, 3, 10]),
        ("id 2..; max=2", [2, 3]),
        ("id ]2..", [3, 10]),
        ("id ..3", [1, 2, 3]),
        ("id ..; order=desc, max=3", [10, 3, 2]),
        ("id ]10..; order=desc", [3, 2, 1]),
    ],
)
def test_a_range_selects_by_number(text: str, expected: list[int]) -> None:
    rows: list[paging.Row] = [{"id": number} for number in (10, 1, 3, 2)]

    page = paging.cut(rows, paging.parse(text, key="id", most=200), ["id"])

    assert [row["id"] for row in page.rows] == expected


def test_a_limit_of_calls_ends_in_429(module_folder: Path) -> None:
    estate = write_front(module_folder / "limited-estate")
    with running_platform(module_folder / "limited", estate, "--rate-limit", "3") as heroku:
        answers = [heroku.call("GET", "/apps") for _ in range(20)]
        still = heroku.call("GET", "/account/rate-limits").status

    refused = [answer for answer in answers if answer.status != 200]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    assert {(answer.status, answer.json["id"]) for answer in refused} == {(429, "rate_limit")}
    assert still == 200
