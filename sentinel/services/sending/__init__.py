"""From a waiting notification to its end: stages, tries, doubts, breakers, other targets."""
