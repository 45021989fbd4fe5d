"""Addresses in pages, relative to the page itself: what stands before Sentinel may put a path before all of them."""

from __future__ import annotations

import posixpath

from flask import request


def relative(address: str) -> str:
    """An address of this program (`url_for`), as seen from the page that is asked for.

    It begins with a dot: what somebody writes into a path can look like another scheme, and lead elsewhere.
    """
    here = posixpath.dirname(request.script_root + request.path)
    found = posixpath.relpath(address, here) + ("/" if address.endswith("/") else "")
    return found if found.startswith(".") else f"./{found}"
