"""Routes that are no stream: REST, health, pages, access, origins and hosts."""

from __future__ import annotations

from vp_stream.http.access import TOKEN_VARIABLE, read_token

__all__ = ["TOKEN_VARIABLE", "read_token"]
