"""Runs for others to read: a report as one HTML file that needs nothing else, and MLflow."""
