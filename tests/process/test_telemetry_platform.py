"""Do lines come from Heroku's drain into the store as they were said, through the simulated Logplex that knows nothing of our reader?"""

from __future__ import annotations

from pathlib import Path

from platform_fixtures import running_platform, until, write_front
from telemetry_drain import PASSWORD, Drain

from offramp.telemetry.store import Store


def test_requests_and_output_of_an_app_are_in_the_store_moments_later(module_folder: Path) -> None:
    drain = Drain(module_folder / "logs")
    with (
        running_platform(module_folder / "platform", write_front(module_folder / "estate")) as heroku,
        Store(module_folder / "logs") as store,
    ):
        url = drain.address.replace("http://", f"http://offramp:{PASSWORD}@").replace("/kiosk", "/front")
        made = heroku.call("POST", "/apps/front/log-drains", {"url": url}).json
        heroku.get("front", "/say?text=exp%C3%A9di%C3%A9e")
        until(
            lambda: any("expédiée" in line.text and line.kind == "app" for line in store.lines(("front",))),
            "the app's line",
        )
        until(lambda: len(store.router("front")) > 0, "the router's line")
        found = store.router("front")
        coverage = store.coverage().of("front")
        heroku.call("DELETE", f"/apps/front/log-drains/{made['id']}")
    drain.stop()

    assert "GET /say" in found.routes
    assert set(found.status.tolist()) == {200}
    assert store.folder.exists()
    assert coverage is not None
    assert coverage.defects == ()
