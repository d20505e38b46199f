"""Batch downloads of Databento: what is wanted, what it costs, the jobs that make it, and their files into the lake."""
