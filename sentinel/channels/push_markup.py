"""A text for services that would read marks and mentions in it: what an event says must call nobody. Pure.

A mention is broken by a space that nobody sees. Marks are taken back by backslashes where the service knows them.
"""

from __future__ import annotations

import re

from sentinel.channels.base import Message

MENTIONING = frozenset({"discord", "workflows", "mmosts", "gchat", "zulip"})
"""Services, by their usual scheme, in which a text can call people."""

ESCAPING = frozenset({"discord", "mmosts"})
"""Services in which a backslash takes back what a mark means."""

_UNSEEN = "\N{ZERO WIDTH SPACE}"
_CALL = re.compile(r"(?<!\w)@(?=\S)|<(?=[@!#&/:\w])")  # not within an address of mail
_PLACE = re.compile(r"(https?://[^\s<>\[\]()]+)")
_MARK = re.compile(r"[\\*_~`|\[\]]|^[ \t]*[#>+-](?=\s)", re.MULTILINE)


def harmless(scheme: str, text: str) -> str:
    """The text as a service is to get it."""
    if scheme in ESCAPING:
        text = "".join(_escaped(each) for each in _PLACE.split(text))
    return _CALL.sub(lambda found: found[0] + _UNSEEN, text) if scheme in MENTIONING else text


def told(scheme: str, message: Message) -> tuple[str, str]:
    """The title and the text of a message, as a service is to get them."""
    return harmless(scheme, message.subject or ""), harmless(scheme, message.text)


def _escaped(part: str) -> str:
    """A part of a text without its marks; a link stays one."""
    if _PLACE.fullmatch(part):
        return part
    return _MARK.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", part)
