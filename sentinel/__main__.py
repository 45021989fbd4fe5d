"""`python -m sentinel`: the command line without its script."""

from sentinel.cli import main

main()
