"""Whether everything that was accepted is accounted for, what failed for good, and what is kept how long."""
