"""A registry in a temporary lake, and servings to publish in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from support.postgres import postgres_server
from support.sources import invented_sources

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
            sources=invented_sources(config),
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Engine]:
    """A PostgreSQL server."""
    with postgres_server() as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, database: Path) -> Iterator[str]:
    """A database that nothing has been written to, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{database.as_posix()}"
        return
    server: Engine = request.getfixturevalue("postgres")
    name = f"registry_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def registry(url: str, versions_dir: Path) -> Iterator[Registry]:
    opened = Registry(url, versions_dir)
    yield opened
    opened.close()
