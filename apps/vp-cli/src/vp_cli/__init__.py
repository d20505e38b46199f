"""The vp command."""
