"""What operators see: counters, gauges, statistics, health, diagnosis."""
