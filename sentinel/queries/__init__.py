"""Named reads and writes; the only home of SQL statements."""
