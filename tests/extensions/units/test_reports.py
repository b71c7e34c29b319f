"""The forecast: a month carried on in a straight line, and the day on which nothing is left."""

from datetime import UTC, date, datetime

from extensions.units.periods import days_between, end_of_period, period_of
from extensions.units.reports import forecast
from extensions.units.services import Balance

MARCH = date(2027, 3, 1)


def balance(*, spent: int, held: int = 0, granted: int = 1000) -> Balance:
    return Balance(MARCH, granted, 0, held, spent, granted - held - spent)


def on(day: int, hour: int = 0) -> datetime:
    return datetime(2027, 3, day, hour, tzinfo=UTC)


def test_a_third_of_the_month_is_carried_on():
    ahead = forecast(balance(spent=100), now=on(11))
    assert (ahead.units_per_day, ahead.spent_at_end, ahead.exhausted_on) == (10, 310, None)


def test_the_first_hours_count_as_a_whole_day():
    assert forecast(balance(spent=10), now=on(1, 1)).units_per_day == 10


def test_units_that_run_out_before_the_end_name_the_day():
    assert forecast(balance(spent=500), now=on(11)).exhausted_on == date(2027, 3, 21)


def test_held_units_are_not_available_any_more():
    assert forecast(balance(spent=500, held=400), now=on(11)).exhausted_on == date(2027, 3, 13)


def test_nothing_left_is_today_and_nothing_spent_is_never():
    assert forecast(balance(spent=1000), now=on(11, 5)).exhausted_on == date(2027, 3, 11)
    assert forecast(balance(spent=0), now=on(11)).exhausted_on is None


def test_a_month_that_is_over_comes_to_what_was_spent():
    ahead = forecast(balance(spent=310), now=datetime(2027, 5, 5, tzinfo=UTC))
    assert (ahead.spent_at_end, ahead.exhausted_on) == (310, None)


def test_periods_begin_on_the_first_of_a_utc_month():
    assert period_of(datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)) == date(2027, 12, 1)
    assert end_of_period(date(2027, 12, 1)) == date(2028, 1, 1)
    assert end_of_period(date(2027, 1, 1)) == date(2027, 2, 1)
    assert len(days_between(date(2028, 2, 1), date(2028, 2, 29))) == 29
