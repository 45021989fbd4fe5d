"""Made-up events for trials, and the sender that offers them to a running API. Knows no database."""
