"""The hash chain over the registry's events: what each digest is of.

    digest(0) = 64 zeros
    digest(i) = sha256( JSON of [digest(i-1), seq, alias, kind, from_id, to_id, version(to_id), actor, time, reason] )
    version   = sha256( JSON of [id, spec_path, spec_sha256, source_run, experiment, config_hash, created] )

The JSON is an array without blanks and in ASCII, as `json.dumps(…, separators=(",", ":"))` makes it, and digests are 64
hex digits. `spec_sha256` is that of the version's file. So an event holds the event before it, the row of what it
points at, and the file of that: nothing of them changes without the last digest changing too.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from vp_registry.entries import VersionEntry

START: Final = "0" * 64
"""What the first event has before it."""


def version_digest(version: VersionEntry) -> str:
    """The digest of a row of published servings."""
    return _digest(
        version.serving_id,
        version.spec_path,
        version.spec_sha256,
        version.source_run,
        version.experiment,
        version.config_hash,
        version.created,
    )


def event_digest(
    previous: str,
    *,
    seq: int,
    alias: str,
    kind: str,
    from_id: str | None,
    to_id: str,
    version: str,
    actor: str,
    time: str,
    reason: str,
) -> str:
    """The digest of an event after the one whose digest is `previous`; `version` is that of the row of `to_id`."""
    return _digest(previous, seq, alias, kind, from_id, to_id, version, actor, time, reason)


def _digest(*values: str | int | None) -> str:
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode("ascii")).hexdigest()
