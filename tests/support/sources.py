"""A source of a config, for published servings whose files nobody opens."""

from __future__ import annotations

from typing import Any

from vp_contract import RuntimeConfig, SourceFile, SourceOptions


def invented_sources(config: RuntimeConfig, **changes: Any) -> SourceOptions:
    """One file, of half an hour from 2026-02-06 09:25 New York on."""
    fields: dict[str, Any] = {
        "product_type": config.product_type,
        "symbol": config.symbol,
        "publisher": config.publisher,
        "on_damage": config.on_damage,
        "on_short": config.on_short,
        "max_silence_s": config.max_silence_s,
        "start_ns": 1_770_387_900_000_000_000,
        "end_ns": 1_770_389_700_000_000_000,
        "warm_up_s": 1800,
        "files": (SourceFile(name="synm6-20260206.mbo.dbn.zst", sha256="c" * 64, size=7, path="raw/a.mbo.dbn.zst"),),
    }
    return SourceOptions(**{**fields, **changes})
