"""From arguments to files: one market, a session over several days."""
