"""The certificate authorities that providers and receivers are trusted by, read once."""

from __future__ import annotations

import ssl
from functools import lru_cache


def trusting_context() -> ssl.SSLContext:
    """What this machine trusts, or SSL_CERT_FILE and SSL_CERT_DIR name; shared by all connections of the process.

    To read some hundred authorities costs as much as thirty sends, and each copy half a megabyte.
    """
    return _context(ssl.get_default_verify_paths())


@lru_cache(maxsize=8)
def _context(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    return ssl.create_default_context()
