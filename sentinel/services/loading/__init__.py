"""Load tests: made-up events by a plan, carried out by a process of their own that may be killed at any time."""
