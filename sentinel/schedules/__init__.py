"""Times that come again, on the clocks of a place: when people sleep, when a system is maintained. Pure."""
