"""Commands of research: datasets in number, runs, signals, and what a dataset is like."""
