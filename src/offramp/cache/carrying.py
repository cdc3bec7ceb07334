"""How do jobs and sessions get from one cache into another, neither dropped nor doubled?

When nobody uses the old server any more, each of its keys is carried over once. A key that the new server has already, a queue that
filled up meanwhile say, is merged: lists get the old elements behind the new ones, hashes, sets and sorted sets the members that they lack, a
string stays as it is. The key and a note that it was carried are written in one script, so a run that was killed goes on and carries
nothing twice: a job that was carried, taken and done must not come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import valkey

from ..kit.secret import Secret
from .client import connected

MARKER, STAGE = b"offramp:carried", b"offramp:stage"
SCAN_COUNT = 500
ELEMENTS = 1000
# How long it is remembered what was carried, far longer than anybody tries again.
MARKED_SECONDS = 30 * 24 * 3600

# KEYS: the key, the marker, the staged copy. The staged copy has its time to live already.
_KEEP = """
if redis.call('HEXISTS', KEYS[2], KEYS[1]) == 1 then
  redis.call('DEL', KEYS[3])
  return 'carried before'
end
redis.call('HSET', KEYS[2], KEYS[1], 1)
if redis.call('EXISTS', KEYS[3]) == 0 then return 'gone' end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('RENAME', KEYS[3], KEYS[1])
  return 'carried'
end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= redis.call('TYPE', KEYS[3]).ok or kind == 'string' or kind == 'stream' then
  redis.call('DEL', KEYS[3])
  return 'kept'
end
if kind == 'list' then
  for _ = 1, redis.call('LLEN', KEYS[3]) do
    redis.call('RPUSH', KEYS[1], redis.call('LPOP', KEYS[3]))
  end
elseif kind == 'hash' then
  local all = redis.call('HGETALL', KEYS[3])
  for at = 1, #all, 2 do redis.call('HSETNX', KEYS[1], all[at], all[at + 1]) end
elseif kind == 'set' then
  redis.call('SUNIONSTORE', KEYS[1], KEYS[1], KEYS[3])
elseif kind == 'zset' then
  local all = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
  for at = 1, #all, 2 do redis.call('ZADD', KEYS[1], 'NX', all[at + 1], all[at]) end
end
redis.call('DEL', KEYS[3])
return 'merged'
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """How many keys came over, were merged with those that were there, or left as they were there; of all that the old one has."""

    keys: int = 0
    carried: int = 0
    merged: int = 0
    kept: int = 0


def carry(old_url: Secret, new_url: Secret, *, verified: bool = True) -> Carried:
    """Carry every key over that has not been carried before. Call it when nobody uses the old server. Safe to repeat.

    ``verified`` demands of the new server a certificate that can be checked.
    """
    counts = {"carried": 0, "merged": 0, "kept": 0}
    keys = 0
    with connected(old_url, verified=False) as old, connected(new_url, verified=verified) as new:
        keep = new.register_script(_KEEP)
        for key in old.scan_iter(count=SCAN_COUNT):
            if key in (MARKER, STAGE):
                continue
            keys += 1
            if new.hexists(MARKER, key):
                continue
            new.delete(STAGE)
            _stage(old, new, key)
            said = keep(keys=[key, MARKER, STAGE]).decode()
            if said in counts:
                counts[said] += 1
        new.expire(MARKER, MARKED_SECONDS)
    return Carried(keys, **counts)


def _stage(old: Any, new: Any, key: bytes) -> None:
    """Write a copy of the key beside it; by the server's own dump, or by its elements where the versions do not understand each other."""
    with old.pipeline(transaction=True) as both:
        payload, left = both.dump(key).pttl(key).execute()
    if payload is None:
        return
    try:
        new.restore(STAGE, max(left, 0), payload)
    except valkey.ResponseError as error:
        if "version" not in str(error) and "Bad data format" not in str(error):
            raise
        _rebuild(old, new, key)
        if left > 0:
            new.pexpire(STAGE, left)


def _rebuild(old: Any, new: Any, key: bytes) -> None:
    match old.type(key).decode():
        case "string":
            new.set(STAGE, old.get(key))
        case "list":
            for first in range(0, old.llen(key), ELEMENTS):
                new.rpush(STAGE, *old.lrange(key, first, first + ELEMENTS - 1))
        case "hash":
            for field, value in old.hscan_iter(key, count=ELEMENTS):
                new.hset(STAGE, field, value)
        case "set":
            for member in old.sscan_iter(key, count=ELEMENTS):
                new.sadd(STAGE, member)
        case "zset":
            for member, score in old.zscan_iter(key, count=ELEMENTS):
                new.zadd(STAGE, {member: score})
        case _:
            # Streams with their groups have no other form than the dump.
            raise valkey.ResponseError(f"a {old.type(key).decode()} of another version cannot be carried")
