"""Who may do what: clients and keys, users, secrets."""
