"""Cell spectrum, robust scoring, state codes and the derivative stage of the vacuum-pressure grid."""
