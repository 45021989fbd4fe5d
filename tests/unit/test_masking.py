"""Recipients as the command line shows them: enough to know them again, and no token."""

from __future__ import annotations

import pytest

from sentinel.channels.masking import masked, masked_target


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("+14155552671", "+1415•••2671"),
        ("alice@example.com", "a•••@example.com"),
        ("#ops", "#o•••"),
        ("https://hooks.slack.com/services/T0/B0/token", "https://•••"),
        ("https://example.com/hook?mail=a@token", "https://•••"),
        ("pover://user@token", "pover://•••"),
        ("ntfys://user:password@ntfy.example.com/topic", "ntfys://•••"),
    ],
)
def test_a_recipient_is_masked(recipient: str, shown: str) -> None:
    assert masked(recipient) == shown


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("push:tgram://123:abc/-100", "push:tgram://•••"),
        ("slack:https://hooks.slack.com/services/T0/B0/token", "slack:https://•••"),
        ("sms:+14155552671", "sms:+1415•••2671"),
        ("endpoint:on-call", "endpoint:on-call"),
        ("rotation:primary", "rotation:primary"),
    ],
)
def test_a_target_is_masked_unless_it_is_only_a_name(target: str, shown: str) -> None:
    assert masked_target(target) == shown
