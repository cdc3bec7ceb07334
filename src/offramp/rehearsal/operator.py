"""What may only a rehearsal do to its doubles? Look inside them and break them; no cloud has such a door."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from .ground import Ground


@dataclass(frozen=True)
class Operator:
    """The operator's endpoints of the simulated Heroku and the emulated AWS."""

    ground: Ground

    def heroku_state(self) -> Mapping[str, Any]:
        return self._get(f"{self.ground.heroku['api']}/_rehearsal/state")

    def aws_state(self) -> Mapping[str, Any]:
        return self._get(f"{self.ground.aws['endpoint']}/_rehearsal/state")

    def restart_source(self, addon: str) -> None:
        """Restart the PostgreSQL server of an add-on, as Heroku's maintenance does."""
        self._post(f"{self.ground.heroku['api']}/_rehearsal/postgres/{addon}/restart")

    def kill_links(self) -> int:
        """SIGKILL every running link process; return how many."""
        pids = [
            int(task["pid"])
            for task in self.aws_state()["tasks"]
            if str(task.get("service") or "").startswith("link-") and task.get("pid")
        ]
        for pid in pids:
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        return len(pids)

    def api(self, method: str, path: str, **keys: Any) -> Any:
        """Call the simulated Heroku as its customer."""
        answer = httpx.request(
            method,
            f"{self.ground.heroku['api']}{path}",
            headers={
                "Authorization": f"Bearer {self.ground.heroku['token']}",
                "Accept": "application/vnd.heroku+json; version=3",
            },
            timeout=60,
            trust_env=False,
            **keys,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def postgres_addons(self) -> tuple[Mapping[str, Any], ...]:
        """Return the Heroku Postgres add-ons that stand."""
        return tuple(
            addon for addon in self.api("GET", "/addons") if addon["addon_service"]["name"] == "heroku-postgresql"
        )

    def rotate_credentials(self, addon_id: str) -> None:
        """Rotate the default credential of a database through Heroku's data API."""
        self.api("POST", f"/postgres/v0/databases/{addon_id}/credentials/default/credentials_rotation", json={})

    @staticmethod
    def _get(url: str) -> Mapping[str, Any]:
        answer = httpx.get(url, timeout=30, trust_env=False)
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    @staticmethod
    def _post(url: str) -> None:
        httpx.post(url, timeout=120, trust_env=False).raise_for_status()
