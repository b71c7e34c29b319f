"""When a failed webhook is tried again: pure arithmetic over the schedule of REL W5 and W6.

Called by webhook delivery after each failed attempt. Every delivery gets 12 to 14 attempts within 24 hours.
"""

from datetime import datetime, timedelta
from random import Random

from mediahub.lib.http import read_retry_after

MINUTE = 60
HOUR = 3600
GAPS_S = (10, 50, 4 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (1, 2, 3, 4, 5, 6)))
JITTER = (0.85, 1.15)
WINDOW = timedelta(hours=24)
LONGEST_ATTEMPT = timedelta(seconds=31)
# One that begins here has ended when the 24 hours are over.
LAST_ATTEMPT_AT = WINDOW - LONGEST_ATTEMPT
LONGEST_RETRY_AFTER_S = WINDOW.total_seconds()
LARGEST_STRETCH = 2


def next_attempt(
    *, first_at: datetime, attempt: int, now: datetime, retry_after_s: float | None, rng: Random
) -> datetime | None:
    """Say when to try again, or None when the window is over.

    first_at: start of the first attempt. attempt: how many have been made, >= 1. retry_after_s: what the receiver
    asked for (`parse_retry_after`); it lengthens a gap to at most twice its size in the schedule, so that a receiver
    cannot ask its own attempts away.
    """
    last = first_at + LAST_ATTEMPT_AT
    if now >= last:
        return None
    if attempt > len(GAPS_S):
        return last
    gap_s = GAPS_S[attempt - 1]
    wait_s = gap_s * rng.uniform(*JITTER)
    if retry_after_s is not None:
        wait_s = max(wait_s, min(retry_after_s, gap_s * LARGEST_STRETCH))
    # One that began shortly before the last would still be under way then: it becomes the last.
    return last if now + timedelta(seconds=wait_s) > last - LONGEST_ATTEMPT else now + timedelta(seconds=wait_s)


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header, seconds or HTTP date, as seconds from now (an aware datetime).

    None for what is absent, garbage, in the past, or more than 24 hours (REL W6).
    """
    seconds = read_retry_after(text, now=now)
    return seconds if seconds is not None and seconds <= LONGEST_RETRY_AFTER_S else None
