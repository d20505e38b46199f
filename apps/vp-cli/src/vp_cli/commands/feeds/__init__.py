"""Commands that take data from outside while it comes."""
