"""The rule language: text to value, value to index, event to matching rules. Pure: no database, no Flask, no Redis."""
