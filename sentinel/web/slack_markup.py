"""Slack's own small markup as HTML: what a channel would show. Pure; links are told, not followed."""

from __future__ import annotations

import re
from html import unescape

from markupsafe import Markup, escape

# https://docs.slack.dev/messaging/formatting-message-text
TOKEN = re.compile(
    r"<(?P<address>[^<>|\s]+)(?:\|(?P<words>[^<>]*))?>"
    r"|(?<!\w)\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?!\w)"
    r"|(?<!\w)_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?!\w)"
    r"|(?<!\w)~(?P<struck>[^\s~](?:[^~\n]*[^\s~])?)~(?!\w)"
    r"|`(?P<code>[^`\n]+)`"
)
ELEMENTS = {"bold": "strong", "italic": "em", "struck": "s", "code": "code"}


def html_of(text: str) -> Markup:
    """The text as Slack shows it."""
    found, end = [], 0
    for token in TOKEN.finditer(text):
        found += [_plain(text[end : token.start()]), _marked(token)]
        end = token.end()
    return Markup("").join([*found, _plain(text[end:])])


def _plain(text: str) -> Markup:
    """Text as it is meant: Slack is sent three characters escaped."""
    return escape(unescape(text))


def _marked(token: re.Match[str]) -> Markup:
    if token["address"] is not None:
        address = _plain(token["address"])
        words = _plain(token["words"] or "")
        link = Markup('<span class="told-link">{}</span>').format
        return link(address) if not words else Markup('{} <span class="told-link">{}</span>').format(words, address)
    kind = next(kind for kind in ELEMENTS if token[kind] is not None)
    element = ELEMENTS[kind]
    return Markup("<{0}>{1}</{0}>").format(Markup(element), _plain(token[kind]))  # noqa: S704 - one of our own words
