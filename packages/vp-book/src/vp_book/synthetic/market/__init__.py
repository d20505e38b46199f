"""The state of the market, its clock and its fair value."""
