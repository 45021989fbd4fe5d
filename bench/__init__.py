"""What Sentinel does per second, how long it takes, and what it costs: `python -m bench`."""
