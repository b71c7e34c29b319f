"""The geometry of the daily chart: round scales, columns within the picture, colours by what costs most."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from extensions.admin.charts import HEIGHT, LEFT, MOST_SERIES, WIDTH, chart_of
from extensions.units.reports import Day, Spent

FIRST = date(2027, 3, 1)


def days(*spent, count=31):
    """The first days' units by extension; the rest are empty."""
    rows = [tuple(Spent(name, units, 1) for name, units in sorted(one.items())) for one in spent]
    rows += [()] * (count - len(rows))
    return [Day(FIRST + timedelta(days=number), row) for number, row in enumerate(rows)]


@pytest.mark.parametrize("most", [1, 3, 7, 99, 130, 400, 401, 12_345, 10**9, 10**12])
def test_the_scale_reaches_the_tallest_column_and_no_further_than_twice(most):
    chart = chart_of(days({"a": most}), today=FIRST)
    top = chart.lines[-1].units
    assert most <= top
    assert top <= max(4, 2.5 * most)
    assert [line.units for line in chart.lines] == [top * part // 4 for part in range(5)]
    [piece] = chart.bars[0].pieces
    assert piece.y >= chart.top - 0.01
    assert piece.y + piece.height == pytest.approx(chart.base, abs=0.02)


def test_pieces_of_a_day_stand_on_each_other_and_the_dearest_lies_at_the_bottom():
    chart = chart_of(days({"small": 10, "large": 100}), today=FIRST)
    low, high = chart.bars[0].pieces
    assert (low.series, high.series) == (1, 2)
    assert [item.name for item in chart.series] == ["large", "small"]
    assert high.y + high.height == pytest.approx(low.y, abs=0.02)


@pytest.mark.parametrize("count", [1, 28, 31, 366])
def test_columns_lie_side_by_side_inside_the_picture(count):
    chart = chart_of(days(*[{"a": 5}] * count, count=count), today=FIRST)
    pieces = [bar.pieces[0] for bar in chart.bars]
    assert pieces[0].x >= LEFT
    assert pieces[-1].x + pieces[-1].width <= WIDTH
    assert all(left.x + left.width <= right.x + 0.02 for left, right in pairwise(pieces))


def test_an_empty_month_has_a_scale_and_no_column():
    chart = chart_of(days(), today=FIRST)
    assert chart.units == 0
    assert all(not bar.pieces for bar in chart.bars)
    assert all(0 <= line.y <= HEIGHT for line in chart.lines)


def test_more_extensions_than_colours_share_the_last_one():
    chart = chart_of(days({f"e{number}": 10 + number for number in range(9)}), today=FIRST)
    assert max(item.number for item in chart.series) == MOST_SERIES
    assert len(chart.series) == 9


def test_the_line_of_today_is_drawn_inside_the_month_only():
    assert chart_of(days(), today=date(2027, 3, 10)).today is not None
    assert chart_of(days(), today=date(2027, 3, 31)).today is None
    assert chart_of(days(), today=date(2027, 4, 1)).today is None
