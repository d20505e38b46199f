"""What a signal says about the mid that follows, before anything is traded."""
