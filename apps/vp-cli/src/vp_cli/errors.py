"""What the command line itself refuses."""

from __future__ import annotations


class CliError(Exception):
    """A command cannot do what it was asked to; the message says what to do instead."""
