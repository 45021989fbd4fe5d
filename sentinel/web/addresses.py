"""Addresses of the console's pages."""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit

from flask import request

HOME = "/console"
BELOW = f"{HOME}/"


def relative(address: str) -> str:
    """An address of this program (`url_for`), as seen from the page that is asked for.

    What stands before Sentinel may put a path before all addresses. It begins with a dot: what somebody writes into a
    path can look like another scheme, and lead elsewhere.
    """
    here = posixpath.dirname(request.script_root + request.path)
    found = posixpath.relpath(address, here) + ("/" if address.endswith("/") else "")
    return found if found.startswith(".") else f"./{found}"


def own_page(wanted: str | None) -> str:
    """The page to go to after the login: `wanted` if it is one of the console, else its first one."""
    if not wanted or not wanted.isprintable() or "\\" in wanted:
        return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    is_here = not parts.scheme and not parts.netloc and ".." not in parts.path.split("/")
    return wanted if is_here and (parts.path == HOME or parts.path.startswith(BELOW)) else HOME
