"""How large a rule may be, so that no rule slows the others."""

TEXT_CHARACTERS = 4096
DEPTH = 32
TERMS = 256
LIST_VALUES = 1024
STRING_CHARACTERS = 1024
PATH_STEPS = 16
WINDOWS = 3
PATTERNS = 20
PATTERN_BYTES = 1 << 20
"""Memory that RE2 may use for one pattern."""
WILD_REPEATS = 8
"""Most `.*` and `.+` in one pattern: each multiplies the states that RE2 has to build."""
NUMBER = 2**53
"""Beyond it JSON readers lose whole numbers."""
SECONDS = 366 * 86_400
CAPS = 4
CAP_TIMES = 1000
"""A group's store remembers so many moments at which its rule spoke."""
PRIORITY = 1000
GROUP_PATHS = 10
FLAP_CHANGES = 100
SCANNED_RULES = 50
"""Most rules of one client that no index can narrow down: each is looked at on every event. For whoever stores them."""
