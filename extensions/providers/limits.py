"""Pure arithmetic of a provider's limits: how evenly calls are spread over a minute, and how long a breaker stays open.

`extensions.providers.state` keeps the two moments in a row that all processes share.
"""

from datetime import datetime, timedelta

LARGEST_EXPONENT = 30


def next_call(*, next_at: datetime | None, now: datetime, per_minute: int) -> tuple[datetime, datetime | None]:
    """When a call may start, and the row's next `next_call_at` if that is now (None: it may not start yet).

    A fifth of the minute's calls may come at once, the rest evenly, such that no 60 seconds see more than
    `per_minute` calls begin. (The generic cell rate algorithm: `next_at` runs ahead of the clock by the calls made.)
    """
    burst = max(1, per_minute // 5)
    interval = timedelta(seconds=60 / (per_minute - burst + 1))
    ahead = max(next_at or now, now)
    may_start = ahead - (burst - 1) * interval
    return (now, ahead + interval) if may_start <= now else (may_start, None)


def opening_s(*, openings: int, base_s: float, cap_s: float) -> float:
    """Seconds that a breaker stays open after it opened `openings` times in a row before: doubling, up to a cap."""
    return min(cap_s, base_s * 2.0 ** min(openings, LARGEST_EXPONENT))
