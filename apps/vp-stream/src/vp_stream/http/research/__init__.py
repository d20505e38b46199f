"""What only the research page asks for: figures behind a run, datasets, published servings, and what it changes."""
