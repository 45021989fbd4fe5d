"""Slack's markup as the inbox shows it: what is meant as text stays text, and links are told."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.base import Message
from sentinel.channels.slack_payload import payload
from sentinel.web.slack_markup import html_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* and _leaning_ and ~gone~", "<strong>bold</strong> and <em>leaning</em> and <s>gone</s>"),
        ("`a &lt; b`", "<code>a &lt; b</code>"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("&lt;script&gt; &amp;amp;", "&lt;script&gt; &amp;amp;"),
        ('<script>alert("x")</script>', None),
        ("<https://x.example/a?b=1&amp;c=2>", '<span class="told-link">https://x.example/a?b=1&amp;c=2</span>'),
        ("<https://x.example|Look *here*>", 'Look *here* <span class="told-link">https://x.example</span>'),
    ],
)
def test_marks_are_shown_as_slack_shows_them(text: str, shown: str | None) -> None:
    found = str(html_of(text))

    assert "<script" not in found
    if shown is not None:
        assert found == shown


@given(st.text(alphabet="ab <>&*_~`|/\"'\n", max_size=60))
def test_whatever_a_message_says_is_read_in_full_and_run_nowhere(body: str) -> None:
    message = Message(id="1", channel="slack", recipient="#a", body=f"x{body}")

    shown = str(html_of(payload(message)["text"]))

    tags = set(re.findall(r"<[^>]*>", shown))
    assert tags <= {f"<{slash}{name}>" for name in ("strong", "em", "s", "code") for slash in ("", "/")}
    read = unescape(re.sub(r"<[^>]*>", "", shown))
    marks = str.maketrans("", "", "*_~`")
    assert read.translate(marks) == f"x{body}".translate(marks)
