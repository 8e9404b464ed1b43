"""The forecast as a picture: an SVG without scripts, styles of others or anything to load. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from services.rewards.forecasts.domain import Forecast

_WIDTH: Final = 800
_HEIGHT: Final = 420
_LEFT: Final = 110
_RIGHT: Final = 50
_TOP: Final = 70
_BOTTOM: Final = 60
_STEPS: Final = 4
_FONT: Final = "font-family=\"'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif\""
_HEAD: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    f' role="img" aria-label="待兑减碳量预测 Forecast of the open liability" {_FONT} font-size="13">'
)


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    colour: str
    dashes: str
    values: Sequence[int]


def svg_of(forecast: Forecast) -> str:
    """Draw the money left and the open grams at both prices, over the days."""
    lines = _lines(forecast)
    top = _round_up(max(1, *(max(line.values) for line in lines)))
    days = [point.day for point in forecast.points]
    parts = [
        _HEAD,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 24, "待兑减碳量的价值与预算余额 Open grams at two prices, and money left", size=16),
        *_grid(top, days),
    ]
    for place, line in enumerate(lines):
        points = " ".join(
            f"{_x(number, len(line.values))},{_y(value, top)}" for number, value in enumerate(line.values)
        )
        parts.append(
            f'<polyline fill="none" stroke="{line.colour}" stroke-width="2.5" stroke-dasharray="{line.dashes}"'
            f' points="{points}"/>'
        )
        x = _LEFT + place * 225
        parts.append(f'<path d="M{x} 46h28" stroke="{line.colour}" stroke-width="3" stroke-dasharray="{line.dashes}"/>')
        parts.append(_text(x + 34, 50, line.name))
    return "".join([*parts, "</svg>"])


def _lines(forecast: Forecast) -> list[_Line]:
    found = [_Line("预算余额 Money left", "#1b7f4b", "none", [point.left_fen for point in forecast.points])]
    for name, colour, dashes, values in (
        ("按兑换价 Reward value", "#b3401c", "none", [point.at_reward_fen for point in forecast.points]),
        ("按市场价 Market price", "#1f5fa8", "6 4", [point.at_market_fen for point in forecast.points]),
    ):
        known = [value for value in values if value is not None]
        if known:
            found.append(_Line(name, colour, dashes, known))
    return found


def _grid(top: int, days: Sequence[date]) -> list[str]:
    parts = []
    for step in range(_STEPS + 1):
        value = top * step // _STEPS
        y = _y(value, top)
        parts.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{value // 100:,} 元", anchor="end"))
        number = (len(days) - 1) * step // _STEPS
        parts.append(_text(_x(number, len(days)), _HEIGHT - _BOTTOM + 24, days[number].isoformat(), anchor="middle"))
    return parts


def _x(number: int, count: int) -> int:
    return _LEFT + number * (_WIDTH - _LEFT - _RIGHT) // max(1, count - 1)


def _y(value: int, top: int) -> int:
    return _HEIGHT - _BOTTOM - value * (_HEIGHT - _TOP - _BOTTOM) // top


def _text(x: int, y: int, text: str, *, anchor: str = "start", size: int = 13) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="#333">{escape(text)}</text>'


def _round_up(value: int) -> int:
    """Return the next number with one significant digit, so that the lines of the grid are round."""
    unit = int("1" + "0" * (len(str(value)) - 1))
    return -(-value // unit) * unit
