"""How messages leave: one provider per file, told apart by what they answer. No database, no Flask here."""
