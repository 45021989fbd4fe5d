"""Configurations of other systems: read, and turned into a plan of what a client has to get for them. Pure."""
