"""Plans of the database: what each statement reads, on tables as large as those of an installation in use."""
