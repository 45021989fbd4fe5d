"""Request and answer shapes of the API."""
