"""What `vp bench` measures; each module has a function `measure` that returns a JSON document.

The package is no part of any wheel: `vp bench` finds it in the checkout, the programs of this folder beside themselves.
"""


class BenchError(Exception):
    """Something cannot be measured as asked; the message says what to do instead."""
