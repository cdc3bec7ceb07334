"""Which ``offramp.toml`` does a rehearsal write? The one a person would write, with the doubles' addresses in it."""

from __future__ import annotations

from pathlib import Path

from .ground import Ground

BAKE_SECONDS = 6

# Small waits: a rehearsal proves the moves, not the patience between them.
_TEMPLATE = """# Written by `offramp rehearse`: what you would write for your own move, with the doubles' addresses in it.
name = "{name}"

[heroku]
api = "{api}"
data_api = "{api}"
pipeline = "{pipeline}"

[aws]
region = "us-east-1"
account = "000000000000"
endpoint_url = "{endpoint}"
# The rehearsal's PostgreSQL 18 comes from a wheel built without TLS; RDS has it, and the default demands it.
database_tls = "prefer"
# Nobody has signed the certificates of the rehearsal's caches.
cache_tls = "require"

[design]
zone = "{domain}"
namespace = "{name}.internal"
gateway_port = {http_port}
gateway_count = 1
drain_seconds = 2
{health}
[shift]
steps = [10, 50, 100]
bake_seconds = {bake_seconds}
max_error_share = 0.01

[cutover]
deadline_seconds = 10
max_lag_seconds = 2
bake_seconds = {bake_seconds}
"""

_SCHEDULE = """
[[schedule]]
app = "{app}"
command = "{command}"
every = "{every}"
"""


def write(ground: Ground, *, bake_seconds: int = BAKE_SECONDS) -> Path:
    """Write ``offramp.toml`` into the controller's folder and return its path."""
    estate = ground.description
    paths = [f'{app["name"]} = "{app["health_path"]}"' for app in estate["app"] if "health_path" in app]
    text = _TEMPLATE.format(
        name=estate["name"],
        api=ground.heroku["api"],
        pipeline=estate["pipeline"],
        endpoint=ground.aws["endpoint"],
        domain=estate["domain"],
        http_port=ground.http_port,
        bake_seconds=bake_seconds,
        health="\n[design.health_paths]\n" + "\n".join(paths) + "\n" if paths else "",
    )
    for app in estate["app"]:
        for job in app.get("scheduler", ()):
            text += _SCHEDULE.format(app=app["name"], command=job["command"], every=job["every"])
    path = ground.work / "offramp.toml"
    path.write_text(text)
    return path
