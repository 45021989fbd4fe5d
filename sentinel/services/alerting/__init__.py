"""Alerts of Prometheus and its like: what is reported again and again becomes an event when it changes."""
