"""Pure: the geometry of a chart of stacked bars, which `extensions/_daily_chart.html` draws as SVG without script.

Sizes are in the units of the chart's own view box. Colours are classes, `series-1` and on, in the order of the legend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from extensions.units.reports import Day

WIDTH, HEIGHT = 1000, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 10, 26
MOST_SERIES = 6
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Piece:
    """One rectangle: an extension's units of a day."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One day's column: its pieces from the bottom up, its label under the axis ("" for most), and its words."""

    day: Day
    pieces: tuple[Piece, ...]
    middle: float
    label: str


@dataclass(frozen=True)
class Line:
    """A horizontal line of the grid, with its number."""

    y: float
    units: int


@dataclass(frozen=True)
class Series:
    """One extension in the legend, with its units over the whole chart."""

    number: int
    name: str
    units: int


@dataclass(frozen=True)
class Chart:
    """Everything that the template draws. `today`: x of the line that divides what was from what comes, if inside."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    series: tuple[Series, ...]
    today: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    base: int = HEIGHT - BOTTOM
    top: int = TOP

    @property
    def units(self) -> int:
        return sum(bar.day.units for bar in self.bars)

    @property
    def busiest(self) -> Day:
        return max((bar.day for bar in self.bars), key=lambda day: day.units)

    @property
    def spent_days(self) -> list[Day]:
        """The days with something in them, for the table that says the same."""
        return [bar.day for bar in self.bars if bar.day.spent]


def chart_of(days: Sequence[Day], *, today: date) -> Chart:
    """A chart of days, one column each, at least one day. More extensions than colours share the last one."""
    series = _series(days)
    numbers = {item.name: item.number for item in series}
    ceiling, lines = _scale(max(day.units for day in days))
    step = (WIDTH - LEFT - RIGHT) / len(days)
    per_unit = (HEIGHT - TOP - BOTTOM) / ceiling
    bars = tuple(
        _bar(day, number, step=step, per_unit=per_unit, numbers=numbers, of=len(days))
        for number, day in enumerate(days)
    )
    inside = days[0].date <= today <= days[-1].date
    now = round(LEFT + ((today - days[0].date).days + 1) * step, 2) if inside and today != days[-1].date else None
    return Chart(bars, lines, series, now)


def _series(days: Sequence[Day]) -> tuple[Series, ...]:
    """Extensions by what they cost in all, so that the largest lies at the bottom."""
    totals: dict[str, int] = {}
    for day in days:
        for item in day.spent:
            totals[item.extension] = totals.get(item.extension, 0) + item.units
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Series(min(rank, MOST_SERIES), name, units) for rank, (name, units) in enumerate(ordered, start=1))


def _scale(most: int) -> tuple[int, tuple[Line, ...]]:
    """A round number at or above the tallest column, and the grid's lines up to it."""
    power = 10 ** max(0, len(str(max(1, most))) - 2)
    choices = [step * power * scale for scale in (1, 10) for step in STEPS]
    step = next(int(choice) for choice in choices if choice == int(choice) and choice * 4 >= most)
    ceiling = step * 4
    height = HEIGHT - TOP - BOTTOM
    return ceiling, tuple(Line(round(TOP + height * (1 - part / 4), 2), step * part) for part in range(5))


def _bar(day: Day, number: int, *, step: float, per_unit: float, numbers: dict[str, int], of: int) -> Bar:
    x, y = LEFT + number * step + step * 0.15, float(HEIGHT - BOTTOM)
    pieces = []
    for item in sorted(day.spent, key=lambda spent: numbers[spent.extension]):
        height = item.units * per_unit
        y -= height
        pieces.append(Piece(numbers[item.extension], round(x, 2), round(y, 2), round(step * 0.7, 2), round(height, 2)))
    is_labelled = day.date.day == 1 or day.date.day % 5 == 0 if of <= 31 else day.date.day == 1
    label = f"{day.date:%b} {day.date.day}" if day.date.day == 1 else str(day.date.day)
    return Bar(day, tuple(pieces), round(x + step * 0.35, 2), label if is_labelled else "")
