"""Does the simulated Heroku speak Heroku? Each answer is held to the official Platform API schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from platform_fixtures import Running, running_platform, write_estate

from offramp.rehearsal.platform.api import application

SCHEMA = Path(__file__).parent / "heroku_schema" / "schema.json"
# Routes that are not of the Platform API, and those that the CLI uses but the public schema does not list.
ELSEWHERE = re.compile(r"^/(_rehearsal|_logplex|_backups|client|postgres|redis)/")
UNLISTED = {"GET /users/{account}/addons", "GET /users/~"}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid")
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value))


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


@dataclass(frozen=True)
class Link:
    """One link of the hyper-schema: a method, a path with ``{}`` for each identity, and what it answers."""

    method: str
    path: str
    target: dict[str, Any]


def _load() -> tuple[dict[str, Any], dict[str, Link]]:
    schema = json.loads(SCHEMA.read_text())
    _make_strict(schema)
    links = {}
    for name, definition in schema["definitions"].items():
        for link in definition.get("links", []):
            path = re.sub(r"\{[^}]*\}", "{}", link["href"])
            target = link.get("targetSchema", {"$ref": f"#/definitions/{name}"})
            links[f"{link['method']} {path}"] = Link(link["method"], path, target)
    return schema, links


def _make_strict(node: Any) -> None:
    """Spell out ``strictProperties``, the schema authors' own word: every property is there, and no other."""
    if isinstance(node, dict):
        if node.pop("strictProperties", False) and "properties" in node:
            node["additionalProperties"] = False
            node.setdefault("required", sorted(node["properties"]))
        for value in node.values():
            _make_strict(value)
    elif isinstance(node, list):
        for value in node:
            _make_strict(value)


WHOLE, LINKS = _load()


def check(key: str, value: Any) -> None:
    """Validate ``value`` as the answer of a link, such as ``GET /apps/{}``."""
    validator = Draft4Validator({**LINKS[key].target, "definitions": WHOLE["definitions"]}, format_checker=FORMATS)
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(value)]

    assert not errors, f"{key}: {errors}"


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    estate = write_estate(module_folder / "estate", redis=True)
    with running_platform(module_folder / "platform", estate) as platform:
        yield platform


def _identities(heroku: Running) -> dict[str, str]:
    first = {
        "addon": heroku.call("GET", "/addons").json[0]["id"],
        "attachment": heroku.call("GET", "/addon-attachments").json[0]["id"],
        "coupling": heroku.call("GET", "/pipeline-couplings").json[0]["id"],
        "release": "1",
        "slug": next(r["slug"]["id"] for r in heroku.call("GET", "/apps/shop/releases").json if r["slug"]),
        "dyno": "web.1",
        "domain": "www.tiny.example",
        "endpoint": heroku.call("GET", "/apps/shop/sni-endpoints").json[0]["id"],
        "feature": "preboot",
        "drain": heroku.call("POST", "/apps/shop/log-drains", {"url": "http://127.0.0.1:9/identities"}).json["id"],
    }
    return {
        "app": "shop", "account": "~", "type": "web", "size": "Standard-1X", "service": "heroku-postgresql",
        "plan": "heroku-postgresql:standard-0", "pipeline": "tiny", "region": "us", "stack": "heroku-24", **first,
    }  # fmt: skip


def _reads() -> list[str]:
    paths = {route.path for module in application.MODULES for route in module.routes if route.method == "GET"}
    return sorted(path for path in paths if not ELSEWHERE.match(path))


def test_every_route_is_a_link_of_the_official_schema() -> None:
    ours = {
        f"{route.method} {route.path}"
        for module in application.MODULES
        for route in module.routes
        if not ELSEWHERE.match(route.path)
    }
    known = {re.sub(r"\{[^}]*\}", "{}", key) for key in LINKS}

    strangers = {key for key in ours - UNLISTED if re.sub(r"\{[^}]*\}", "{}", key) not in known}

    assert strangers == set()


def test_every_read_answers_what_the_schema_says(heroku: Running) -> None:
    identities = _identities(heroku)
    read = 0
    for path in _reads():
        key = f"GET {re.sub(r'{[^}]*}', '{}', path)}"
        if f"GET {path}" in UNLISTED:
            continue
        filled = path.replace("{addon}", identities["addon"]).format_map(identities)
        if path == "/apps/{app}/addon-attachments/{attachment}":
            filled = "/apps/shop/addon-attachments/DATABASE"
        if path == "/apps/{app}/addons/{addon}" or path.startswith("/addons/{addon}"):
            filled = path.format(app="shop", addon=identities["addon"])
        answer = heroku.call("GET", filled)

        assert answer.status == 200, f"{filled}: {answer.body!r}"
        check(key, answer.json)
        read += 1

    assert read > 45


def test_the_lists_are_not_empty(heroku: Running) -> None:
    for path in ("/apps", "/addons", "/addon-attachments", "/dyno-sizes", "/addon-services", "/pipelines",
                 "/apps/shop/formation", "/apps/shop/dynos", "/apps/shop/domains", "/apps/shop/releases",
                 "/apps/shop/buildpack-installations", "/apps/shop/collaborators", "/apps/shop/sni-endpoints",
                 "/apps/shop/features", "/regions", "/stacks"):  # fmt: skip
        assert heroku.call("GET", path).json, path


def test_every_write_answers_what_the_schema_says(heroku: Running) -> None:
    def write(method: str, path: str, body: object, status: int, key: str) -> Any:
        answer = heroku.call(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.body!r}"
        check(key, answer.json)
        return answer.json

    write("PATCH", "/apps/front", {"maintenance": True}, 200, "PATCH /apps/{}")
    write("PATCH", "/apps/front", {"maintenance": False}, 200, "PATCH /apps/{}")
    write("PATCH", "/apps/front/config-vars", {"A": "1"}, 200, "PATCH /apps/{}/config-vars")
    updates = {"updates": [{"type": "web", "quantity": "2"}]}
    write("PATCH", "/apps/front/formation", updates, 200, "PATCH /apps/{}/formation")
    write("PATCH", "/apps/front/formation/web", {"quantity": 1}, 200, "PATCH /apps/{}/formation/{}")
    write("POST", "/apps/front/dynos", {"command": "true"}, 201, "POST /apps/{}/dynos")
    write("DELETE", "/apps/front/dynos/web.1", None, 202, "DELETE /apps/{}/dynos/{}")
    write("DELETE", "/apps/front/dynos", None, 202, "DELETE /apps/{}/dynos")
    drain = write("POST", "/apps/front/log-drains", {"url": "http://127.0.0.1:9/x"}, 201, "POST /apps/{}/log-drains")
    write("DELETE", f"/apps/front/log-drains/{drain['id']}", None, 200, "DELETE /apps/{}/log-drains/{}")
    write("POST", "/apps/front/log-sessions", {"lines": 10}, 201, "POST /apps/{}/log-sessions")
    domain = write("POST", "/apps/front/domains", {"hostname": "a.tiny.example"}, 201, "POST /apps/{}/domains")
    write("DELETE", f"/apps/front/domains/{domain['id']}", None, 200, "DELETE /apps/{}/domains/{}")
    addon = write("POST", "/apps/front/addons", {"plan": "heroku-redis:mini"}, 201, "POST /apps/{}/addons")
    asked = {"addon": addon["name"], "app": "shop", "name": "SHARED"}
    made = write("POST", "/addon-attachments", asked, 201, "POST /addon-attachments")
    resolved = {"app": "shop", "addon_attachment": "SHARED"}
    write("POST", "/actions/addon-attachments/resolve", resolved, 200, "POST /actions/addon-attachments/resolve")
    resolved = {"app": "front", "addon": "REDIS"}
    write("POST", "/actions/addons/resolve", resolved, 200, "POST /actions/addons/resolve")
    write("DELETE", f"/addon-attachments/{made['id']}", None, 200, "DELETE /addon-attachments/{}")
    write("DELETE", f"/apps/front/addons/{addon['name']}", None, 200, "DELETE /apps/{}/addons/{}")
    write("POST", "/apps/front/releases", {"release": "v3"}, 201, "POST /apps/{}/releases")
    ids = [app["id"] for app in heroku.call("GET", "/apps").json]
    write("POST", "/filters/apps", {"in": {"id": ids}}, 200, "POST /filters/apps")
