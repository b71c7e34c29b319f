"""Counts in Redis or Valkey, for every process and host that uses it. Each step is one script, so it is atomic there.

The clock is the server's. It may be set back: a moment further ahead than its rule allows is then worth nothing, so
nobody waits until the clock has caught up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mediahub.lib.limits.counting import FIRST_WAIT_US, FORGET_US, MAX_DOUBLINGS, Counted, Subject, Taken

PREFIX = "mediahub:limits:"
ANSWER_WITHIN_S = 0.25

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2] "
_TAKE = (
    _NOW
    + """
local gap, room = tonumber(ARGV[1]), ARGV[1] * ARGV[2]
local whole_at = tonumber(redis.call('GET', KEYS[1]) or now)
if whole_at < now or whole_at > now + room then whole_at = now end
local after = whole_at + gap
if after > now + room then return {0, after - now - room} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, math.max(0, after + gap - now - room)}
"""
)
_COUNT_FAILURE = (
    _NOW
    + f"""
local wait, counts = 0, {{0}}
for i, key in ipairs(KEYS) do
  local till = tonumber(redis.call('HGET', key, 'until') or 0)
  if till - now <= tonumber(ARGV[2 * i]) then wait = math.max(wait, till - now) end
end
if wait > 0 then return {{wait}} end
for i, key in ipairs(KEYS) do
  local count, free = redis.call('HINCRBY', key, 'count', 1), tonumber(ARGV[2 * i - 1])
  local pause = 0
  if count >= free then
    pause = math.min(tonumber(ARGV[2 * i]), {FIRST_WAIT_US} * 2 ^ math.min(count - free, {MAX_DOUBLINGS}))
  end
  redis.call('HSET', key, 'until', string.format('%.0f', now + pause))
  redis.call('PEXPIRE', key, {FORGET_US // 1000})
  counts[i + 1] = count
end
return counts
"""
)
_FORGIVE = """
redis.call('DEL', KEYS[1])
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('HDEL', KEYS[i], 'until')
    if redis.call('HINCRBY', KEYS[i], 'count', -1) <= 0 then redis.call('DEL', KEYS[i]) end
  end
end
"""


def is_shareable(url: str) -> bool:
    """Whether this names a Redis or Valkey server; other brokers cannot count."""
    return url.startswith(("redis:", "rediss:", "redis+socket:", "unix:"))


class SharedStore:
    """Counts in the server at a URL, as Celery or redis-py spell it. Methods raise `redis.RedisError` and OSError."""

    def __init__(self, url: str) -> None:
        # No second try: a request waits for its answer, and its process can count by itself meanwhile.
        self.server = Redis.from_url(
            _as_redis_py(url),
            socket_timeout=ANSWER_WITHIN_S,
            socket_connect_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = self.server.register_script(_TAKE)
        self._count_failure = self.server.register_script(_COUNT_FAILURE)
        self._forgive = self.server.register_script(_FORGIVE)

    def take(self, key: str, *, gap_us: int, burst: int) -> Taken:
        allowed, wait_us = _numbers(self._take(keys=[PREFIX + key], args=[gap_us, burst]))
        return Taken(bool(allowed), wait_us)

    def count_failure(self, subjects: Sequence[Subject]) -> Counted:
        rules = [number for subject in subjects for number in (subject.free, subject.cap_us)]
        wait_us, *counts = _numbers(self._count_failure(keys=_keys(subjects), args=rules))
        return Counted(wait_us, tuple(counts))

    def forgive(self, subjects: Sequence[Subject]) -> None:
        self._forgive(keys=_keys(subjects))


def _keys(subjects: Sequence[Subject]) -> list[str]:
    return [PREFIX + subject.key for subject in subjects]


def _numbers(answer: Any) -> list[int]:
    return [int(number) for number in cast("list[int]", answer)]


def _as_redis_py(url: str) -> str:
    """Celery's `redis+socket:///path?virtual_host=1` is redis-py's `unix:///path?db=1`."""
    if not url.startswith("redis+socket:"):
        return url
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    user = f"{parts.netloc}" if "@" in parts.netloc else ""
    return f"unix://{user}{parts.path}?db={database}"
