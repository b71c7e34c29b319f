"""The arithmetic of a provider's limits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extensions.providers.limits import next_call, opening_s

START = datetime(2026, 3, 1, tzinfo=UTC)


def calls_of(per_minute: int, pauses_s: list[float]) -> list[datetime]:
    """When calls start if one is wanted after each pause, and each waits until it may start."""
    now, next_at, started = START, None, []
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        start, after = next_call(next_at=next_at, now=now, per_minute=per_minute)
        if after is None:
            assert start > now
            now = start
            start, after = next_call(next_at=next_at, now=now, per_minute=per_minute)
        assert (start, after is not None) == (now, True)
        next_at = after
        started.append(start)
    return started


@given(st.integers(1, 60), st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_no_minute_sees_more_calls_than_the_limit(per_minute, pauses_s):
    started = calls_of(per_minute, pauses_s)
    for first in started:
        within = [one for one in started if first <= one < first + timedelta(seconds=59.999)]
        assert len(within) <= per_minute


def test_a_fifth_may_come_at_once():
    assert calls_of(10, [0, 0]) == [START, START]
    assert calls_of(10, [0, 0, 0])[-1] > START


def test_after_a_quiet_while_there_is_room_again():
    assert calls_of(1, [0, 61]) == [START, START + timedelta(seconds=61)]


@pytest.mark.parametrize(("openings", "seconds"), [(0, 30), (1, 60), (4, 480), (5, 900), (10**6, 900)])
def test_a_breaker_that_opens_again_stays_open_twice_as_long_up_to_a_cap(openings, seconds):
    assert opening_s(openings=openings, base_s=30, cap_s=900) == seconds
