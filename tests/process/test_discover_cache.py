"""Does a look into a real Valkey find queues and patterns, stay bounded, and keep no value and no name?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import valkey as driver

from offramp import cache
from offramp.discover import caching
from offramp.kit.clock import SystemClock
from offramp.kit.secret import Secret
from offramp.rehearsal.servers.valkey import Valkey

KEYS = 3000


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[Valkey]:
    with Valkey(module_folder / "store", tls=True) as running:
        with client(running) as filling, filling.pipeline(transaction=False) as pipe:
            for number in range(KEYS):
                pipe.set(f"session:{number:032x}", f"hush-{number}", ex=600)
            pipe.sadd("_kombu.binding.mail", "hush-exchange")
            pipe.lpush("mail", "hush-job", "hush-job-2")
            pipe.lpush("celery", "hush-job")
            pipe.hset("unacked", "tag", "hush-job")
            pipe.set("cart:ann@example.org", "hush-cart")
            pipe.execute()
        yield running


def client(server: Valkey) -> driver.Valkey:
    return driver.Valkey.from_url(server.url, ssl_cert_reqs="none", ssl_check_hostname=False)


def test_queues_patterns_and_figures_are_read(server: Valkey) -> None:
    found = caching.read(Secret(server.url), SystemClock())

    assert (found.keys, found.sampled, found.complete) == (KEYS + 5, KEYS + 5, True)
    assert found.libraries == ("Celery",)
    assert [(one.name, one.pending, one.in_flight) for one in found.queues] == [
        ("celery", 1, 0),
        ("mail", 2, 0),
        ("(held by workers)", 0, 1),
    ]
    sessions = found.patterns[0]
    assert (sessions.pattern, sessions.type, sessions.keys, sessions.expiring) == ("session:*", "string", KEYS, KEYS)
    assert sessions.bytes > KEYS * 50 and sessions.median_ttl_seconds and 500 < sessions.median_ttl_seconds <= 600
    assert found.engine == "valkey" and found.used_bytes > 0 and found.eviction


def test_no_value_and_nobodys_name_is_kept(server: Valkey) -> None:
    found = str(caching.read(Secret(server.url), SystemClock()))

    assert "hush" not in found and "ann" not in found


def test_a_look_ends_after_so_many_keys_and_still_sees_the_queues(server: Valkey) -> None:
    found = cache.sample(Secret(server.url), SystemClock(), known=("celery",), most=100)

    assert not found.complete
    assert 100 <= len(found.sampled) <= 101
    assert "celery" in {key.name for key in found.sampled}


def test_a_look_keeps_to_its_pace(server: Valkey) -> None:
    class SteppingClock(SystemClock):
        slept = 0.0

        def monotonic(self) -> float:
            return self.slept

        def sleep(self, seconds: float) -> None:
            self.slept += seconds

    clock = SteppingClock()
    found = cache.sample(Secret(server.url), clock, per_second=1000, seconds=60)

    assert found.complete
    assert clock.slept >= (KEYS - 1000) / 1000
