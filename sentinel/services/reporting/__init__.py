"""What is known after a message was sent: reports of providers, and what clients are told."""
