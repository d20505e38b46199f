"""Several days of one market: made one by one, judged together."""
