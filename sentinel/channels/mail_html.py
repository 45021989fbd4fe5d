"""The HTML side of a mail that has a severity: the same words, with the severity's colour beside them."""

from __future__ import annotations

from html import escape

from sentinel.channels.base import LINK_WORDS, Message
from sentinel.channels.colours import colour_of

# Mail programs understand old HTML only: a table, and styles that stand on the elements themselves.
_PAGE = """\
<!DOCTYPE html>
<html><body style="margin:0;padding:16px;background:#ffffff;color:#111827;font-family:Helvetica,Arial,sans-serif">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px">
<tr><td style="border-left:6px solid {colour};padding:4px 0 4px 16px">
<p style="margin:0 0 8px;color:{colour};font-size:13px;font-weight:bold">{severity}</p>
<p style="margin:0 0 12px;font-size:18px;font-weight:bold">{subject}</p>
<div style="font-size:15px;line-height:1.5;white-space:pre-wrap">{body}</div>{link}
</td></tr></table>
</body></html>
"""
_LINK = '\n<p style="margin:16px 0 0;font-size:15px"><a href="{link}" style="color:#1d4ed8">{words}</a></p>'


def html_of(message: Message, subject: str) -> str | None:
    """The page for a message with a severity, every word of it escaped; None for a message without one."""
    if not message.severity:
        return None
    return _PAGE.format(
        colour=colour_of(message.severity),
        severity=escape(message.severity.upper()),
        subject=escape(subject),
        body="<br>".join(escape(message.body).splitlines()),
        link=_LINK.format(link=escape(message.link), words=escape(LINK_WORDS)) if message.link else "",
    )
