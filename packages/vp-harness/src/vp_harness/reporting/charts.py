"""Charts as inline SVG: axes with round numbers, points with intervals, lines, bars, steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 14, 44
COLOURS: Final = ("#2f6fab", "#c2571a", "#3a8f4d", "#7a5195")
"""Colours of series, in their order; told apart without the hue too, by their dashes."""

_DASHES: Final = ("", "6 3", "2 3", "8 3 2 3")


class Point(NamedTuple):
    """A value at a place, with the ends of its interval where it has one; None where it is not known."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points of one name."""

    name: str
    points: Sequence[Point]


@dataclass
class Chart:
    """A chart to draw on: limits of both axes, their labels with units, and the names of places where x has names."""

    x_label: str
    y_label: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    height: int = 240
    names: dict[float, str] = field(default_factory=dict)
    x_text: Callable[[float], str] = lambda value: number(value)
    _parts: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str, str]] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Place of a value, in pixels from the left."""
        low, high = self.x_limits
        return _LEFT + (value - low) / (high - low or 1.0) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Place of a value, in pixels from the top."""
        low, high = self.y_limits
        return self.height - _BOTTOM - (value - low) / (high - low or 1.0) * (self.height - _TOP - _BOTTOM)

    def zero(self) -> Chart:
        """A line at 0."""
        return self.level(0.0, "")

    def level(self, value: float, name: str) -> Chart:
        """A thin line at a value, with its name at the right."""
        if self.y_limits[0] <= value <= self.y_limits[1]:
            y = self.y(value)
            self._parts.append(f'<path class="level" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
            if name:
                self._parts.append(
                    f'<text x="{WIDTH - _RIGHT - 4}" y="{y - 4:.1f}" text-anchor="end">{escape(name)}</text>'
                )
        return self

    def shade(self, first: float, end: float, name: str) -> Chart:
        """A stretch of the x axis in grey, with its name at the top."""
        left, right = self.x(first), self.x(end)
        self._parts.append(
            f'<rect class="shade" x="{left:.1f}" y="{_TOP}" width="{max(0.0, right - left):.1f}" '
            f'height="{self.height - _TOP - _BOTTOM}"/>'
            f'<text x="{(left + right) / 2:.1f}" y="{_TOP + 12}" text-anchor="middle">{escape(name)}</text>'
        )
        return self

    def line(self, series: Series, colour: int, *, steps: bool = False) -> Chart:
        """A line through the points that are known, over the band of their intervals."""
        known = [point for point in series.points if point.y is not None]
        band = [point for point in known if point.low is not None and point.high is not None]
        if len(band) > 1:
            upper = [f"{self.x(p.x):.1f} {self.y(self._within(p.high)):.1f}" for p in band]
            lower = [f"{self.x(p.x):.1f} {self.y(self._within(p.low)):.1f}" for p in reversed(band)]
            self._parts.append(
                f'<path d="M{"L".join([*upper, *lower])}Z" fill="{COLOURS[colour]}" fill-opacity="0.15"/>'
            )
        places = [(self.x(p.x), self.y(self._within(p.y))) for p in known]
        path = "".join(
            f"{'M' if not i else (f'H{x:.1f}V' if steps else 'L')}{y:.1f}"
            if steps and i
            else f"{'M' if not i else 'L'}{x:.1f} {y:.1f}"
            for i, (x, y) in enumerate(places)
        )
        if path:
            self._parts.append(
                f'<path d="{path}" fill="none" stroke="{COLOURS[colour]}" stroke-width="1.8" '
                f'stroke-dasharray="{_DASHES[colour]}"/>'
            )
        self._legend.append((series.name, COLOURS[colour], _DASHES[colour]))
        return self

    def whiskers(self, series: Series, colour: int, *, shift: float = 0.0) -> Chart:
        """Dots with the bars of their intervals, `shift` pixels beside their place."""
        for point in series.points:
            if point.y is None:
                continue
            x = self.x(point.x) + shift
            if point.low is not None and point.high is not None:
                self._parts.append(
                    f'<path d="M{x:.1f} {self.y(self._within(point.low)):.1f}V'
                    f'{self.y(self._within(point.high)):.1f}" stroke="{COLOURS[colour]}" stroke-width="2"/>'
                )
            self._parts.append(f'<circle cx="{x:.1f}" cy="{self.y(point.y):.1f}" r="3.5" fill="{COLOURS[colour]}"/>')
        self._legend.append((series.name, COLOURS[colour], ""))
        return self

    def dots(self, series: Series, colour: int, *, radius: float = 2.5, opacity: float = 0.5) -> Chart:
        """Dots without anything."""
        for point in series.points:
            if point.y is not None:
                self._parts.append(
                    f'<circle cx="{self.x(self._inside(point.x)):.1f}" cy="{self.y(self._within(point.y)):.1f}" '
                    f'r="{radius}" fill="{COLOURS[colour]}" fill-opacity="{opacity}"/>'
                )
        self._legend.append((series.name, COLOURS[colour], ""))
        return self

    def bars(self, series: Series, colour: int, width: float, base: Sequence[float] | None = None) -> Chart:
        """Bars from 0, or from `base`, `width` wide in units of x."""
        for i, point in enumerate(series.points):
            if not point.y:
                continue
            bottom = 0.0 if base is None else base[i]
            top, foot = self.y(max(bottom, bottom + point.y)), self.y(min(bottom, bottom + point.y))
            left, right = self.x(point.x - width / 2), self.x(point.x + width / 2)
            self._parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left - 1:.1f}" height="{foot - top:.1f}" '
                f'fill="{COLOURS[colour]}"/>'
            )
        self._legend.append((series.name, COLOURS[colour], ""))
        return self

    def svg(self, title: str) -> str:
        """The whole chart; `title` is what a screen reader says of it."""
        bottom = self.height - _BOTTOM
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {self.height + 18}" role="img" aria-label="{escape(title)}">',
            f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}"/>',
        ]
        for value in round_numbers(*self.y_limits):
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
        ticks = self.names or {value: self.x_text(value) for value in round_numbers(*self.x_limits, about=7)}
        for value, text in ticks.items():
            parts.append(f'<text x="{self.x(value):.1f}" y="{bottom + 15}" text-anchor="middle">{escape(text)}</text>')
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<text class="label" x="{(_LEFT + WIDTH - _RIGHT) / 2:.0f}" y="{bottom + 33}" text-anchor="middle">'
            f"{escape(self.x_label)}</text>"
            f'<text class="label" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.y_label)}</text>"
        )
        parts += self._parts
        place = _LEFT
        for name, colour, dashes in self._legend:
            y = self.height + 8
            parts.append(
                f'<path d="M{place} {y}h22" stroke="{colour}" stroke-width="3" stroke-dasharray="{dashes}"/>'
                f'<text x="{place + 28}" y="{y + 4}">{escape(name)}</text>'
            )
            place += 44 + int(6.6 * len(name))
        return "".join([*parts, "</svg>"])

    def _within(self, value: float | None) -> float:
        """A value, no further than the limits of y."""
        return min(max(value or 0.0, self.y_limits[0]), self.y_limits[1])

    def _inside(self, value: float) -> float:
        return min(max(value, self.x_limits[0]), self.x_limits[1])


def limits_of(values: Sequence[float | None], *, zero: bool = True, room: float = 0.06) -> tuple[float, float]:
    """Limits of an axis that shows all values that are known (and 0), with a little room."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if zero or not known:
        known.append(0.0)
    low, high = min(known), max(known)
    if low == high:
        return low - 1.0, high + 1.0
    more = room * (high - low)
    return low - more, high + more


def round_numbers(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two limits: about so many. Example: (-0.3, 1.1) gives [0.0, 0.5, 1.0] or so."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / about))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= about)
    first = math.ceil(low / step - 1e-9)
    return [(first + i) * step for i in range(math.floor(high / step + 1e-9) - first + 1)]


def number(value: float | None, digits: int = 3) -> str:
    """A number as a person reads it: so many digits that count, none of a whole number."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0 or abs(value) < 1e-9:
        return "0"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    text = f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def interval_text(low: float | None, high: float | None) -> str:
    """An interval as text, a dash where it is not known."""
    return "–" if low is None or high is None else f"[{number(low)}, {number(high)}]"
