"""`/api/v2`: Alertmanager's API, for Prometheus, amtool and what else speaks it. Its own description holds."""
