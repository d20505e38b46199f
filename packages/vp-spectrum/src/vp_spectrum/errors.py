"""What can go wrong in vp-spectrum."""

from __future__ import annotations


class VpSpectrumError(Exception):
    """Base of every error that vp-spectrum raises on purpose."""


class ParameterError(VpSpectrumError, ValueError):
    """A parameter or argument is outside what is allowed; the message names it, its value and what is allowed."""


class InputError(VpSpectrumError, ValueError):
    """A bin cannot be scored: wrong shape, a value that is not finite, or time running backwards."""
