"""The retry schedule of webhooks: 12 to 14 attempts in 24 hours, whatever the receiver says and chance brings."""

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extensions.webhooks.backoff import GAPS_S, next_attempt, parse_retry_after

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LAST = START + timedelta(hours=24) - timedelta(seconds=31)


class Fixed(Random):
    """Chance that always gives the same place in a span: 0 its beginning, 1 its end."""

    def __init__(self, place: float) -> None:
        super().__init__()
        self.place = place

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.place


def attempts_of(rng: Random, *, took_s: list[float], asked_s: list[float | None]) -> list[datetime]:
    """Play a receiver that fails for 24 hours; each attempt takes so long and is answered with such a Retry-After."""
    times = [START]
    for number in range(1, 50):
        now = times[-1] + timedelta(seconds=took_s[number % len(took_s)])
        asked = asked_s[number % len(asked_s)]
        following = next_attempt(first_at=START, attempt=number, now=now, retry_after_s=asked, rng=rng)
        if following is None:
            return times
        times.append(following)
    raise AssertionError("the schedule does not end")


@pytest.mark.rel("W5", "W6", "F65")
@given(
    place=st.floats(0, 1),
    took_s=st.lists(st.floats(0, 30), min_size=1, max_size=14),
    asked_s=st.lists(st.none() | st.floats(0, 86_400), min_size=1, max_size=14),
)
def test_a_dead_receiver_gets_12_to_14_attempts_and_the_last_31_s_before_the_end(
    place: float, took_s: list[float], asked_s: list[float | None]
) -> None:
    times = attempts_of(Fixed(place), took_s=took_s, asked_s=asked_s)
    assert 12 <= len(times) <= 14
    assert times[-1] == LAST
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


@pytest.mark.rel("W5")
@pytest.mark.parametrize("seed", range(20))
def test_real_chance_gives_13_or_14_attempts(seed: int) -> None:
    assert len(attempts_of(Random(seed), took_s=[30], asked_s=[None])) in (13, 14)


@pytest.mark.rel("W5")
@pytest.mark.parametrize(("attempt", "gap_s"), list(enumerate(GAPS_S, start=1))[:11])
def test_each_gap_is_the_one_of_the_schedule_with_15_per_cent_of_chance(attempt: int, gap_s: int) -> None:
    def wait(place: float) -> float:
        then = next_attempt(first_at=START, attempt=attempt, now=START, retry_after_s=None, rng=Fixed(place))
        assert then is not None
        return (then - START).total_seconds()

    assert [wait(0), wait(1)] == pytest.approx([gap_s * 0.85, gap_s * 1.15])


@pytest.mark.rel("W5")
def test_the_schedule_is_the_documented_one() -> None:
    hour = 3600
    assert (10, 50, 240, 600, 900, 1800, hour, 2 * hour, 3 * hour, 4 * hour, 5 * hour, 6 * hour) == GAPS_S


@pytest.mark.rel("W5")
@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=31), timedelta(days=3)])
def test_no_attempt_begins_after_the_last(after: timedelta) -> None:
    assert next_attempt(first_at=START, attempt=3, now=LAST + after, retry_after_s=None, rng=Random(1)) is None


@pytest.mark.rel("W6", "F56")
@pytest.mark.parametrize(("asked_s", "expected_s"), [(5, 10), (15, 15), (20, 20), (60, 20), (86_400, 20)])
def test_retry_after_lengthens_a_gap_to_at_most_twice_its_size(asked_s: float, expected_s: float) -> None:
    then = next_attempt(first_at=START, attempt=1, now=START, retry_after_s=asked_s, rng=Fixed(0.5))
    assert then == START + timedelta(seconds=expected_s)


@pytest.mark.rel("W6", "F56")
@pytest.mark.parametrize(
    "text",
    [None, "", "-1", "soon", "1e12", "1000000000000", "86401", "1.5", "٣", "0x10", "60 seconds", "Thu", "99 Foo 2026"],
)
def test_garbage_negative_and_huge_values_are_ignored(text: str | None) -> None:
    assert parse_retry_after(text, START) is None


@pytest.mark.rel("W6", "F56")
@pytest.mark.parametrize(("text", "seconds"), [("60", 60), (" 7 ", 7), ("0", 0), ("86400", 86_400)])
def test_seconds_are_read(text: str, seconds: float) -> None:
    assert parse_retry_after(text, START) == seconds


@pytest.mark.rel("W6", "F56")
def test_a_date_is_read_as_seconds_from_now() -> None:
    assert parse_retry_after(format_datetime(START + timedelta(minutes=2), usegmt=True), START) == 120


@pytest.mark.rel("W6")
@pytest.mark.parametrize("hours", [-1, 48])
def test_dates_in_the_past_or_far_away_are_ignored(hours: int) -> None:
    assert parse_retry_after(format_datetime(START + timedelta(hours=hours), usegmt=True), START) is None


@pytest.mark.rel("W6")
@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    seconds = parse_retry_after(text, START)
    assert seconds is None or 0 <= seconds <= 86_400
