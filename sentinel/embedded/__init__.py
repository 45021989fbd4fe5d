"""A private PostgreSQL and a private Redis-compatible server from Python packages."""
