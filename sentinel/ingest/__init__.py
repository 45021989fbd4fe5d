"""Events from streams: a loop that stores what it reads by group commit, and a source for each kind of stream."""
