"""What may be said of a row: the search it came from, the looks at its confirmation, the verdict."""
