"""A registry in a temporary lake, and servings to publish in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vp_contract import PublishedServing, RuntimeConfig, ServingSource, serving_id_of
from vp_registry import Registry

Publishable = Callable[..., PublishedServing]


@pytest.fixture
def config() -> RuntimeConfig:
    return RuntimeConfig(
        product_type="future_mbo",
        symbol="SYNM6",
        symbol_root="SYN",
        tick_size="0.25",
        dt="2026-02-06",
        start_time="09:25",
        end_time="09:55",
        pipeline="small",
        serving="scored",
    )


@pytest.fixture
def publishable(config: RuntimeConfig) -> Publishable:
    """Makes the serving of run number n."""

    def make(number: int = 1, *, created: str = "2026-02-06T21:00:00Z", tp_rate: float = 0.41) -> PublishedServing:
        run = f"{number:08x}" * 2
        return PublishedServing(
            serving_id=serving_id_of("tried", run, config),
            created_utc=created,
            source=ServingSource(run_id=run, experiment="tried", dataset_id="synm6_x", threshold=0.1),
            runtime=config,
            versions={"vp_book": "0.1.0", "vp_spectrum": "0.1.0"},
            digests={"vp_book": "a" * 64, "vp_spectrum": "b" * 64},
            evidence={"tp_rate": tp_rate},
        )

    return make


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "registry.sqlite"


@pytest.fixture
def versions_dir(tmp_path: Path) -> Path:
    return tmp_path / "serving_versions"


@pytest.fixture
def registry(database: Path, versions_dir: Path) -> Registry:
    return Registry(f"sqlite:///{database.as_posix()}", versions_dir)
