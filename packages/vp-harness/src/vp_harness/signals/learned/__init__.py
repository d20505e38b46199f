"""Signals that train themselves as they go: each model has seen only bins whose outcome was known when it was made."""
