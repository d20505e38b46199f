"""What a signal was worth: events, outcomes, measures, the split."""
