"""From an event to notifications and tickets."""
