"""The HTML side of a mail: escaped, coloured, and only where there is a severity."""

from __future__ import annotations

import pytest

from sentinel.channels.base import Outcome
from sentinel.channels.colours import COLOURS
from sentinel.channels.mail_html import html_of
from sentinel.stand_ins import ProviderStandIn
from tests.smtp_stand_in import SmtpStandIn
from tests.unit.channels.conftest import http_settings, mail, send
from tests.unit.channels.test_smtp import receipt_of

NASTY = mail(
    body="<script>x</script>\n\"two\" & 'three'  four", subject="<b>Disk</b>", severity="critical", id="0199-7"
)


def test_every_word_is_escaped_and_lines_stay_lines() -> None:
    page = html_of(NASTY, NASTY.subject or "")

    assert page is not None
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;<br>&quot;two&quot; &amp; &#x27;three&#x27;  four" in page
    assert "&lt;b&gt;Disk&lt;/b&gt;" in page
    assert COLOURS["critical"] in page


def test_a_severity_cannot_break_out_of_the_page_either() -> None:
    page = html_of(mail(severity='"><script>'), "Disk")

    assert page is not None
    assert "<SCRIPT>" not in page


def test_without_a_severity_there_is_no_page() -> None:
    assert html_of(mail(), "Disk") is None


@pytest.mark.parametrize(("severity", "kinds"), [("high", ["text/plain", "text/html"]), (None, ["text/plain"])])
def test_sendgrid_gets_the_text_first_and_then_the_page(
    stand_in: ProviderStandIn, severity: str | None, kinds: list[str]
) -> None:
    receipt = send(http_settings(stand_in.url), mail(subject="Disk", severity=severity))[0]

    content = stand_in.entries[0].body["content"]
    assert receipt.outcome == Outcome.OK
    assert [part["type"] for part in content] == kinds
    assert content[0]["value"] == "disk is full"


def test_smtp_carries_both_and_the_text_unchanged() -> None:
    with SmtpStandIn() as server:
        receipt = receipt_of(server, NASTY)

    assert receipt.outcome == Outcome.OK
    received = server.mails[0]
    assert received.get_content_type() == "multipart/alternative"
    text, page = received.iter_parts()
    assert text.get_payload(decode=True) == NASTY.body.encode()
    assert page.get_content_type() == "text/html"
    assert page.get_content() == html_of(NASTY, NASTY.subject or "")
    assert received["Message-ID"] == "<0199-7@example.com>"


def test_a_link_is_a_link_and_cannot_break_out_of_it() -> None:
    page = html_of(mail(severity="high", link='https://s.example/t/abc"><script>'), "Disk")

    assert page is not None
    assert 'href="https://s.example/t/abc&quot;&gt;&lt;script&gt;"' in page
    assert ">Acknowledge, snooze or resolve</a>" in page
