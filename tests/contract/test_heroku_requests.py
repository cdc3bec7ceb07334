"""Is every request of the client one that Heroku's own schema knows, with a body that it takes?"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from offramp.errors import UsageError
from offramp.heroku import Platform
from offramp.kit.clock import SystemClock
from offramp.kit.secret import Secret

WHOLE: dict[str, Any] = json.loads((Path(__file__).parent / "heroku_schema" / "schema.json").read_text())
LINKS: dict[str, dict[str, Any]] = {
    f"{link['method']} {re.sub(r'{[^}]*}', '{}', link['href'])}": link
    for definition in WHOLE["definitions"].values()
    for link in definition.get("links", [])
}
Asked = list[tuple[str, str, Any]]


@pytest.fixture
def recorded() -> Iterator[tuple[Platform, Asked]]:
    """A client, and what it asked of a server that knows nothing."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            asked.append((self.command, self.path, json.loads(self.rfile.read(length)) if length else None))
            # A list for the look before add_drain's leap, else nothing known.
            known = self.command == "GET" and self.path.endswith("/log-drains")
            content = b"[]" if known else b'{"id": "not_found", "message": "Not found."}'
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name.
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = Platform(f"http://127.0.0.1:{server.server_address[1]}", Secret("token"), clock=SystemClock())
    yield client, asked
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


CALLS: list[tuple[Callable[[Platform], object], str]] = [
    (lambda heroku: heroku.account(), "GET /account"),
    (lambda heroku: heroku.apps(), "GET /apps"),
    (lambda heroku: heroku.app("web"), "GET /apps/{}"),
    (lambda heroku: heroku.maintenance("web", True), "PATCH /apps/{}"),
    (lambda heroku: heroku.formation("web"), "GET /apps/{}/formation"),
    (lambda heroku: heroku.scale("web", {"web": 2}), "PATCH /apps/{}/formation"),
    (lambda heroku: heroku.dynos("web"), "GET /apps/{}/dynos"),
    (lambda heroku: heroku.dyno_sizes(), "GET /dyno-sizes"),
    (lambda heroku: heroku.addons(), "GET /addons"),
    (lambda heroku: heroku.addons("web"), "GET /apps/{}/addons"),
    (lambda heroku: heroku.delete_addon("web", "pg"), "DELETE /apps/{}/addons/{}"),
    (lambda heroku: heroku.delete_addon("web", "pg", force=True), "DELETE /apps/{}/addons/{}"),
    (lambda heroku: heroku.attachments(), "GET /addon-attachments"),
    (lambda heroku: heroku.attachments("web"), "GET /apps/{}/addon-attachments"),
    (lambda heroku: heroku.plans("heroku-redis"), "GET /addon-services/{}/plans"),
    (lambda heroku: heroku.config_vars("web"), "GET /apps/{}/config-vars"),
    (lambda heroku: heroku.set_config("web", {"A": Secret("1"), "B": None}), "PATCH /apps/{}/config-vars"),
    (lambda heroku: heroku.releases("web"), "GET /apps/{}/releases"),
    (lambda heroku: heroku.slug("web", "s"), "GET /apps/{}/slugs/{}"),
    (lambda heroku: heroku.buildpacks("web"), "GET /apps/{}/buildpack-installations"),
    (lambda heroku: heroku.domains("web"), "GET /apps/{}/domains"),
    (lambda heroku: heroku.pipelines(), "GET /pipelines"),
    (lambda heroku: heroku.couplings(), "GET /pipeline-couplings"),
    (lambda heroku: heroku.drains("web"), "GET /apps/{}/log-drains"),
    (lambda heroku: heroku.endpoints("web"), "GET /apps/{}/sni-endpoints"),
    (lambda heroku: heroku.features("web"), "GET /apps/{}/features"),
    (lambda heroku: heroku.collaborators("web"), "GET /apps/{}/collaborators"),
    (lambda heroku: heroku.webhooks("web"), "GET /apps/{}/webhooks"),
    (lambda heroku: heroku.teams(), "GET /teams"),
    (lambda heroku: heroku.spaces(), "GET /spaces"),
    (lambda heroku: heroku.outbound("home"), "GET /spaces/{}/nat"),
    (lambda heroku: heroku.review_app_config("p"), "GET /pipelines/{}/review-app-config"),
    (lambda heroku: heroku.review_apps("p"), "GET /pipelines/{}/review-apps"),
    (lambda heroku: heroku.add_drain("web", Secret("https://d.example")), "POST /apps/{}/log-drains"),
    (lambda heroku: heroku.remove_drain("web", "d"), "DELETE /apps/{}/log-drains/{}"),
]


@pytest.mark.parametrize(("call", "link"), CALLS)
def test_a_request_is_one_that_heroku_knows(
    recorded: tuple[Platform, Asked], call: Callable[[Platform], object], link: str
) -> None:
    client, asked = recorded
    try:
        call(client)
    except UsageError:
        # What the double answers to everything; this test is about the question.
        pass

    method, path, body = asked[-1]

    assert re.fullmatch(re.escape(link).replace(r"\{\}", "[^/]+"), f"{method} {path}")
    assert link in LINKS
    if body is not None and "schema" in LINKS[link]:
        Draft4Validator({**LINKS[link]["schema"], "definitions": WHOLE["definitions"]}).validate(body)


def test_no_method_of_the_client_is_forgotten() -> None:
    called = {name for name in vars(Platform) if not name.startswith("_")} - {"close", "leaving"}
    covered = {name for call, _ in CALLS for name in call.__code__.co_names}

    assert called - covered == set()
