"""What anyone in the field would try first: every other signal is judged against these."""
