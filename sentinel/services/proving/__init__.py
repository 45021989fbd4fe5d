"""What shows before the incident that everything works: heartbeats of others, drills, and our own self-test."""
