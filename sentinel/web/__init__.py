"""The console: pages for people, behind a login. The API beside it knows keys only, and never a session."""
