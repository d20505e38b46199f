"""Print the page."""

from __future__ import annotations

import sys

from support.refusals import page

sys.stdout.write(page())
