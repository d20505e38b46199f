"""Published servings, aliases and the promotion audit trail."""
