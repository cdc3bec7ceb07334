"""Are queued jobs and sessions in the new cache exactly once, whatever was there already and however often the carrying is cut off?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import valkey

from offramp import cache
from offramp.cache import carrying
from offramp.errors import CredentialsRejectedError, UnreachableError
from offramp.kit.secret import Secret
from offramp.rehearsal.servers.ports import free_port
from offramp.rehearsal.servers.valkey import Valkey


@pytest.fixture(scope="module")
def servers(module_folder: Path) -> Iterator[tuple[Valkey, Valkey]]:
    with Valkey(module_folder / "old") as old, Valkey(module_folder / "new") as new:
        yield old, new


@pytest.fixture
def pair(servers: tuple[Valkey, Valkey]) -> Iterator[tuple[Any, Any]]:
    with valkey.Valkey.from_url(servers[0].url) as old, valkey.Valkey.from_url(servers[1].url) as new:
        for each in (old, new):
            each.flushall()
        yield old, new


def go(servers: tuple[Valkey, Valkey]) -> cache.Carried:
    return cache.carry(*(Secret(server.url) for server in servers))


def fill(old: Any) -> None:
    old.lpush("queue", *[f"job-{n}" for n in range(2500)])
    old.hset("job:1", mapping={"state": "queued", "args": "\\x00\\xff"})
    old.zadd("schedule", {"job-7": 1700000000.5, "job-8": 2.25})
    old.sadd("workers", "a", "b")
    old.set("session:1", "kept", ex=3600)
    old.set("plain", b"\x00\x01")
    old.xadd("events", {"k": "v"})


def test_every_kind_of_key_arrives_with_its_time_to_live(servers: tuple[Valkey, Valkey], pair: tuple[Any, Any]) -> None:
    old, new = pair
    fill(old)
    done = go(servers)

    assert (done.keys, done.carried, done.merged, done.kept) == (7, 7, 0, 0)
    assert new.lrange("queue", 0, -1) == old.lrange("queue", 0, -1)
    assert new.hgetall("job:1") == old.hgetall("job:1")
    assert new.zrange("schedule", 0, -1, withscores=True) == old.zrange("schedule", 0, -1, withscores=True)
    assert set(new.smembers("workers")) == {b"a", b"b"}
    assert 3590 < new.ttl("session:1") <= 3600
    assert new.ttl("plain") == -1
    assert new.xlen("events") == 1
    assert set(new.keys()) == {*old.keys(), carrying.MARKER}


def test_what_is_there_already_is_merged_not_replaced(servers: tuple[Valkey, Valkey], pair: tuple[Any, Any]) -> None:
    old, new = pair
    fill(old)
    new.lpush("queue", "new-1", "new-2")
    new.hset("job:1", "state", "done")
    new.zadd("schedule", {"job-7": 9.0, "job-9": 3.0})
    new.sadd("workers", "c")
    new.set("session:1", "newer")
    done = go(servers)

    assert (done.merged, done.kept) == (4, 1)
    assert new.lrange("queue", 0, 2) == [b"new-2", b"new-1", b"job-2499"]
    assert new.llen("queue") == 2502
    assert new.rpop("queue") == b"job-0"
    assert new.hgetall("job:1") == {b"state": b"done", b"args": b"\\x00\\xff"}
    assert dict(new.zrange("schedule", 0, -1, withscores=True)) == {b"job-7": 9.0, b"job-8": 2.25, b"job-9": 3.0}
    assert set(new.smembers("workers")) == {b"a", b"b", b"c"}
    assert new.get("session:1") == b"newer"


def test_a_job_that_was_carried_and_done_does_not_come_back(
    servers: tuple[Valkey, Valkey], pair: tuple[Any, Any]
) -> None:
    old, new = pair
    fill(old)
    go(servers)
    while new.rpop("queue"):
        pass
    new.delete("schedule", "job:1")
    again = go(servers)

    assert (again.carried, again.merged) == (0, 0)
    assert not new.exists("queue", "schedule", "job:1")


@pytest.mark.parametrize("after", [0, 3, 6])
def test_cut_off_anywhere_it_goes_on_and_doubles_nothing(
    servers: tuple[Valkey, Valkey], pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    old, new = pair
    fill(old)
    staged = carrying._stage
    left = [after]

    def stage(*words: Any) -> None:
        staged(*words)
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(carrying, "_stage", stage)
        with pytest.raises(KeyboardInterrupt):
            go(servers)
    go(servers)

    assert new.lrange("queue", 0, -1) == old.lrange("queue", 0, -1)
    assert set(new.keys()) == {*old.keys(), carrying.MARKER}


def test_servers_that_do_not_understand_each_others_dumps_are_carried_by_their_elements(
    servers: tuple[Valkey, Valkey], pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = pair
    fill(old)
    old.delete("events")
    restore = valkey.Valkey.restore

    def refuse(server: Any, name: Any, ttl: Any, value: bytes, *words: Any, **named: Any) -> Any:
        # A payload whose version is of the far future, which the server itself then refuses.
        return restore(server, name, ttl, value[:-10] + b"\xff\x7f" + value[-8:], *words, **named)

    monkeypatch.setattr(valkey.Valkey, "restore", refuse)
    done = go(servers)

    assert done.carried == 6
    assert new.lrange("queue", 0, -1) == old.lrange("queue", 0, -1)
    assert new.hgetall("job:1") == old.hgetall("job:1")
    assert new.zrange("schedule", 0, -1, withscores=True) == old.zrange("schedule", 0, -1, withscores=True)
    assert 3590 < new.ttl("session:1") <= 3600


def test_who_works_with_a_cache_is_named(servers: tuple[Valkey, Valkey]) -> None:
    url = servers[0].url
    with valkey.Valkey.from_url(url, client_name="worker.1") as worker, valkey.Valkey.from_url(url) as monitor:
        worker.lpush("queue", 1)
        monitor.ping()
        assert cache.users(Secret(url)) == ("worker.1",)


def test_a_cache_that_is_not_there_or_does_not_know_us_is_said_plainly(servers: tuple[Valkey, Valkey]) -> None:
    wrong = Secret(servers[0].url.replace(servers[0].password, "wrong"))

    with pytest.raises(CredentialsRejectedError):
        cache.users(wrong)
    with pytest.raises(UnreachableError):
        cache.users(Secret(f"redis://127.0.0.1:{free_port()}"))
