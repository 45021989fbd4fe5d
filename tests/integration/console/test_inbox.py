"""The inbox: what would have been sent, by each channel's own parts, labelled, and harmless to look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from sentinel.channels import webhook_request
from sentinel.channels.base import Message
from sentinel.sealing import seal
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.screens.inbox import LETTER_HEADERS
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit
from tests.rows import row

SECRET = "whsec_" + "c2VudGluZWwtc2VudGluZWwtc2VudGluZWw="

Sent = Callable[..., str]


@pytest.fixture
def sent(accept: Accept, run_pipeline: RunPipeline) -> Sent:
    """A message that the sandbox or the inbox has kept; its id."""

    def kept(**values: str) -> str:
        notification_id = accept(**values)
        run_pipeline([notification_id], channel=values.get("channel", "sms"))
        return notification_id

    return kept


def signed_with(sealed: str, notification_id: str) -> None:
    """Say that the message went to an endpoint with this secret."""
    execute(
        "INSERT INTO endpoints"
        " (client_id, name, channel, target, purpose, secret, is_enabled, version, created_at, updated_at)"
        " VALUES (1, 'hook', 'webhook', 'https://example.com/hook', 'messages', :secret, true, 1, now(), now())",
        secret=sealed,
    )
    execute("UPDATE notifications SET endpoint_id = (SELECT max(id) FROM endpoints) WHERE id = :id", id=notification_id)


def words(page: str) -> str:
    """What somebody reads of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_without_messages_it_says_how_to_send_a_first_one(visit: Visit) -> None:
    page = visit.get("/console/inbox")

    assert page.status_code == 200
    assert "No message yet" in page.text
    assert "curl -X POST http://localhost/notifications" in page.text
    assert 'data-copy="#first-message"' in page.text


def test_a_text_is_shown_on_a_phone_with_those_before_it_and_its_segments(visit: Visit, sent: Sent) -> None:
    sent(body="Disk 91 % full")
    long = sent(body="Ошибка " * 20)
    sent(recipient="+14155550100", body="for somebody else")

    page = visit.get(f"/console/inbox/{long}")

    phone = words(page.text[page.text.index('class="phone"') :])
    assert "Disk 91 % full" in phone
    assert "1 segment · 14 characters, GSM-7" in phone
    assert "3 segments · 140 characters, UCS-2" in phone
    assert "for somebody else" not in phone
    assert "Simulated" in words(page.text)


def test_a_number_that_fails_at_twilio_is_shown_as_refused(visit: Visit, sent: Sent) -> None:
    refused = sent(recipient="+15005550001")

    page = words(visit.get(f"/console/inbox/{refused}").text)

    assert row(refused).status == "FAILED"
    assert "It was refused as its provider would have refused it: invalid_number" in page


def test_a_mail_is_shown_with_its_html_in_a_frame_that_can_do_nothing(visit: Visit, sent: Sent) -> None:
    mail = sent(
        channel="email",
        recipient="oncall@example.com",
        subject="Disk <full>",
        body="<script>alert(1)</script> https://example.com/runbook",
        severity="critical",
    )

    page = visit.get(f"/console/inbox/{mail}")
    framed = visit.get(f"/console/inbox/{mail}/html")

    assert (
        f'<iframe class="letter-frame" sandbox title="The mail as a mail program shows it"'
        f' src="/console/inbox/{mail}/html">' in page.text
    )
    assert "Disk &lt;full&gt;" in page.text
    assert "<script>alert" not in page.text + framed.text
    assert 'href="https://example.com' not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in framed.text
    policy = framed.headers["Content-Security-Policy"]
    assert policy == LETTER_HEADERS["Content-Security-Policy"]
    assert policy.endswith("sandbox")
    assert policy.startswith("default-src 'none'")
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mail_without_a_severity_has_no_html_and_says_so(visit: Visit, sent: Sent) -> None:
    mail = sent(channel="email", recipient="oncall@example.com", body="Disk full")

    assert "This mail has no HTML" in visit.get(f"/console/inbox/{mail}").text
    assert visit.get(f"/console/inbox/{mail}/html").status_code == 404


def test_a_post_is_shown_as_slack_shows_what_it_is_given(visit: Visit, sent: Sent) -> None:
    post = sent(
        channel="slack", recipient="#big-orders", subject="Order of 750", body="a <b> & *bold*", severity="high"
    )

    page = visit.get(f"/console/inbox/{post}").text

    assert "a &lt;b&gt; &amp; <strong>bold</strong>" in page
    assert 'fill="#c2410c"' in page
    assert "sentinel_notification" in page
    assert "#big-orders" in words(page)


def test_the_url_of_a_slack_webhook_and_a_push_target_are_secrets_and_stay_unread(visit: Visit, sent: Sent) -> None:
    hook = sent(channel="slack", recipient="https://hooks.slack.com/services/T0/B0/verysecret", body="hello")
    push = sent(channel="push", recipient="ntfys://ntfy.example.com/secret-topic", body="hello", subject="Disk")

    pages = (
        "".join(visit.get(f"/console/inbox/{each}").text for each in (hook, push)) + visit.get("/console/inbox").text
    )

    assert "verysecret" not in pages
    assert "secret-topic" not in pages
    assert "https://hooks.slack.com/…" in pages
    assert "ntfy (ntfys://…)" in pages


def test_a_webhook_is_shown_with_the_signature_that_its_receiver_would_check(
    visit: Visit, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = sent(channel="webhook", recipient="https://example.com/hook", body="Disk full")
    signed_with(seal(SECRET), call)
    bodies: list[bytes] = []
    body_of = webhook_request.body_of

    def noted(message: Message) -> bytes:
        bodies.append(body_of(message))
        return bodies[-1]

    monkeypatch.setattr(webhook_request, "body_of", noted)

    page = visit.get(f"/console/inbox/{call}").text

    shown = dict(re.findall(r"<dt>([\w-]+)</dt><dd>([^<]+)</dd>", page))
    assert shown["webhook-id"] == call
    moment = datetime.fromtimestamp(int(shown["webhook-timestamp"]), UTC)
    assert shown["webhook-signature"] == Webhook(SECRET).sign(call, moment, bodies[0].decode())
    assert SECRET not in page
    assert "&#34;body&#34;: &#34;Disk full&#34;" in page


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_signature_that_its_receiver_would_believe_is_shown_to_admins_alone(
    role: str, as_role: AsRole, sent: Sent
) -> None:
    call = sent(channel="webhook", recipient="https://hooks.example.com/v1")
    signed_with(seal(SECRET), call)

    shown = as_role(role).get(f"/console/inbox/{call}").text

    assert "webhook-timestamp" in shown
    assert "v1," not in words(shown)
    assert "shown to admins" in words(shown)


def test_a_webhook_whose_secret_no_key_opens_says_why_it_has_no_signature(visit: Visit, sent: Sent) -> None:
    call = sent(channel="webhook", recipient="https://example.com/hook", body="Disk full")
    signed_with(seal(SECRET).replace("g", "h"), call)

    page = visit.get(f"/console/inbox/{call}")

    assert page.status_code == 200
    assert "No signature" in page.text


def test_the_inbox_of_a_user_is_real_and_not_called_simulated(visit: Visit, sent: Sent) -> None:
    kept = sent(channel="inbox", recipient="user-17", body="Your order is on its way")

    page = words(visit.get(f"/console/inbox/{kept}").text)

    assert "real destination" in page
    assert "Simulated" not in page


def test_it_is_narrowed_by_client_channel_address_and_user(visit: Visit, sent: Sent) -> None:
    with unit_of_work() as uow:
        clients.create_key(uow, "shop", "test")
        shop = clients.active_caller(uow, "shop").client_id
    sent(body="one")
    sent(channel="inbox", recipient="user-17", user_id="user-17", body="two")
    sent(client_id=shop, body="three")

    def found(**wanted: str) -> set[str]:
        shown = visit.get("/console/inbox/list", **wanted).text
        return {each for each in ("one", "two", "three") if f">{each}</span>" in shown}

    assert found() == {"one", "two", "three"}
    assert found(client="shop") == {"three"}
    assert found(client="nobody") == set()
    assert found(channel="inbox") == {"two"}
    assert found(user_id="user-17") == {"two"}
    assert found(recipient="+14155552671") == {"one"}
    assert found(recipient="+14155552671", client="shop") == {"three"}
    assert "No message fits" in visit.get("/console/inbox", channel="push").text


def test_pages_follow_each_other_and_keep_what_they_were_narrowed_to(visit: Visit, sent: Sent) -> None:
    for number in range(26):
        sent(recipient=f"+141555501{number:02}", body=f"number {number}")

    first = visit.get("/console/inbox", size="25", channel="sms").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = visit.browser.get(following[1].replace("&amp;", "&")).text

    assert "number 25" in first
    assert "number 0<" not in first
    assert "number 0<" in second
    assert "channel=sms" in following[1]


def test_what_really_left_is_not_here(visit: Visit, sent: Sent) -> None:
    real = sent(body="this one left")
    execute("UPDATE notifications SET provider = 'twilio' WHERE id = :id", id=real)

    assert visit.get(f"/console/inbox/{real}").status_code == 404
    assert "this one left" not in visit.get("/console/inbox").text


def test_everybody_who_is_logged_in_may_look(as_role: AsRole, sent: Sent) -> None:
    kept = sent(body="Disk full")

    assert as_role("viewer").get(f"/console/inbox/{kept}").status_code == 200
