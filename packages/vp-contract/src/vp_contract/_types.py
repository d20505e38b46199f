"""Value types of spec fields: a Python type with the bounds that msgspec checks while it decodes."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

_END: Final = r"$(?!\n)"  # a lone $ would let a newline pass in Python; this reads the same in JavaScript

WORDS: Final = "allowed"
"""Key of `Meta.extra`: what a pattern allows, in words, for errors."""


def like(pattern: str, words: str, max_length: int | None = None, min_length: int | None = None) -> Meta:
    """Text that matches `pattern`, which `words` describe: an error says that it must be `words`."""
    return Meta(pattern=pattern, max_length=max_length, min_length=min_length, extra={WORDS: words})


NAME_PATTERN: Final = "^[a-z0-9][a-z0-9_]*" + _END
SERVING_ID_PATTERN: Final = "^srv_[a-z0-9][a-z0-9_]*_[0-9a-f]{8}_[0-9a-f]{8}" + _END

MAX_BINS: Final = 1_000_000
"""Longest window or count of bins a spec may ask for: more than a day of 100 ms bins."""

Name: TypeAlias = Annotated[str, like(NAME_PATTERN, "made of a-z, 0-9 and _, beginning with a letter or digit", 64)]
ServingId: TypeAlias = Annotated[str, like(SERVING_ID_PATTERN, "srv_<experiment>_<8 hex digits>_<8 hex digits>", 96)]
RunId: TypeAlias = Annotated[str, like("^[0-9a-f]{16}" + _END, "16 hex digits")]
Digest: TypeAlias = Annotated[str, like("^[0-9a-f]{64}" + _END, "64 hex digits")]
UtcText: TypeAlias = Annotated[
    str,
    like(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z" + _END,
        "a time as YYYY-MM-DDTHH:MM:SSZ",
    ),
]

Symbol: TypeAlias = Annotated[
    str, like("^[A-Z0-9][A-Z0-9._-]*" + _END, "made of A-Z, 0-9, ., _ and -, beginning with a letter or digit", 32)
]
SymbolRoot: TypeAlias = Annotated[
    str, like("^[A-Z0-9][A-Z0-9_-]*" + _END, "made of A-Z, 0-9, _ and -, beginning with a letter or digit", 16)
]
ProductType: TypeAlias = Literal["future_mbo", "equity_mbo"]
PublisherId: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
OnDamage: TypeAlias = Literal["refuse", "until_damage"]
OnShort: TypeAlias = Literal["refuse", "end_early"]
DecimalText: TypeAlias = Annotated[str, like(r"^[0-9]+(\.[0-9]+)?" + _END, "a decimal number in digits", 24)]

Date: TypeAlias = Annotated[str, like("^[0-9]{4}-[0-9]{2}-[0-9]{2}" + _END, "a date as YYYY-MM-DD")]
Dates: TypeAlias = Annotated[tuple[Date, ...], Meta(min_length=1, max_length=4000)]
ClockTime: TypeAlias = Annotated[
    str, like("^([01][0-9]|2[0-3]):[0-5][0-9]" + _END, "a time as HH:MM, 00:00 to 23:59, in New York")
]

PositiveInt: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_BINS)]
NonNegativeInt: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_BINS)]
PositiveFloat: TypeAlias = Annotated[float, Meta(gt=0.0, le=1e9)]
NonNegativeFloat: TypeAlias = Annotated[float, Meta(ge=0.0, le=1e6)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0.001, le=1e6)]
Weight: TypeAlias = Annotated[float, Meta(ge=0.0, le=1e6)]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Threshold: TypeAlias = Annotated[float, Meta(gt=0.0, le=1e6)]

CellWidthMs: TypeAlias = Annotated[int, Meta(ge=1, le=3_600_000)]
GridRadius: TypeAlias = Annotated[int, Meta(ge=1, le=2048)]
AbsoluteTicks: TypeAlias = Annotated[int, Meta(ge=64, le=1_048_576)]
LargeSize: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]
HorizonMs: TypeAlias = Annotated[int, Meta(ge=1, le=86_400_000)]
Horizons: TypeAlias = Annotated[tuple[HorizonMs, ...], Meta(max_length=32)]
FlowWindow: TypeAlias = Annotated[int, Meta(ge=1, le=10_000)]
ZscoreWindow: TypeAlias = Annotated[int, Meta(ge=2, le=10_000)]
Scale: TypeAlias = Annotated[float, Meta(ge=1e-6, le=1e6)]
Power: TypeAlias = Annotated[float, Meta(ge=0.0, le=100.0)]
Windows: TypeAlias = Annotated[tuple[FlowWindow, ...], Meta(min_length=1, max_length=16)]
WindowWeights: TypeAlias = Annotated[tuple[Weight, ...], Meta(min_length=1, max_length=16)]
DerivativeWeights: TypeAlias = tuple[Weight, Weight, Weight]

ParamValue: TypeAlias = bool | int | float | str | tuple[bool | int | float | str, ...] | None
"""A parameter of a signal: a scalar or a flat list of scalars."""

ConfigVersion: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}" + _END)]
