"""What a signal was worth: events, outcomes, measures, search, the split, correction for trials."""
