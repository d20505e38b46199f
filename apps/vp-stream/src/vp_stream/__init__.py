"""Stream server: WebSocket grid stream, health and the built page.

from pathlib import Path

from vp_stream import StreamSettings, start_in_background

settings = StreamSettings(lake_root=Path("lake"), config_root=Path("configs"), port=0)
with start_in_background(settings) as server:
    print(server.url)
"""

from vp_stream.errors import EngineError, LogDamagedError, Refusal, SettingsError, VpStreamError
from vp_stream.frames.runs import RunSpec
from vp_stream.http.app import create_app
from vp_stream.server import RunningServer, serve, start_in_background
from vp_stream.servings.catalogue import Catalogue, OpenedServing, Status
from vp_stream.servings.live import LiveCatalogue, LiveThread
from vp_stream.settings import StreamSettings

__all__ = [
    "Catalogue",
    "EngineError",
    "LiveCatalogue",
    "LiveThread",
    "LogDamagedError",
    "OpenedServing",
    "Refusal",
    "RunSpec",
    "RunningServer",
    "SettingsError",
    "Status",
    "StreamSettings",
    "VpStreamError",
    "create_app",
    "serve",
    "start_in_background",
]
