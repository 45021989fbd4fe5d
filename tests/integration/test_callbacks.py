"""`/callbacks`: who may report, what is refused, and that a report is stored once before the answer."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.db import new_session
from sentinel.models.receipt import Receipt
from sentinel.stand_ins import ACCOUNT_SID, AUTH_TOKEN, EVENT_PUBLIC_KEY, News
from sentinel.stand_ins.callbacks import SignedRequest, mail_event, sendgrid_request, status_form, twilio_request
from tests.conftest import Configure
from tests.integration.calls import refused, stored
from tests.integration.conftest import Accept, application

PUBLIC = "https://alerts.example.com"
KEYS = {
    "PUBLIC_BASE_URL": PUBLIC,
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "SENDGRID_WEBHOOK_PUBLIC_KEY": EVENT_PUBLIC_KEY,
}
SOME_ID = "0193b0a0-0000-7000-8000-000000000001"
TWILIO_PATH = f"/callbacks/twilio?notification_id={SOME_ID}"
DELIVERED = status_form("SM1", News("delivered"))


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API behind a proxy: it is called by another address than its own."""
    database(**KEYS)
    return application().test_client()


def report(api: FlaskClient, signed: SignedRequest, path: str = TWILIO_PATH, **headers: str) -> TestResponse:
    """POST a callback; `headers` replace those it came with, an empty one leaves it out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in (signed.headers | named).items() if value}
    return api.post(path, data=signed.body, headers=sent)


def by_twilio(form: dict[str, str] = DELIVERED, path: str = TWILIO_PATH) -> SignedRequest:
    return twilio_request(PUBLIC + path, form, AUTH_TOKEN)


def receipts() -> list[Receipt]:
    with new_session() as session:
        return list(session.scalars(select(Receipt).order_by(Receipt.id)))


def test_a_signed_status_callback_is_stored_and_answered_without_words(api: FlaskClient) -> None:
    answer = report(api, by_twilio())

    assert (answer.status_code, answer.data) == (204, b"")
    (receipt,) = receipts()
    assert (receipt.provider, receipt.kind, receipt.status) == ("twilio", "delivered", "PENDING")
    assert (receipt.notification_id, receipt.provider_message_id) == (SOME_ID, "SM1")
    assert receipt.body == {"MessageSid": "SM1", "MessageStatus": "delivered", "AccountSid": ACCOUNT_SID}


def test_the_same_callback_again_is_answered_the_same_and_stored_once(api: FlaskClient) -> None:
    answers = [report(api, by_twilio()).status_code for _ in range(3)]

    assert answers == [204, 204, 204]
    assert stored("receipts") == 1
    assert metrics.totals()["receipts_total", "twilio", "delivered"] == 1


def test_each_status_of_one_message_is_a_report_of_its_own(api: FlaskClient) -> None:
    for news in (News("sent"), News("undelivered", 30003), News("undelivered", 30005)):
        report(api, by_twilio(status_form("SM1", news)))

    assert [(each.kind, each.code) for each in receipts()] == [
        ("sent", None),
        ("undelivered", "30003"),
        ("undelivered", "30005"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Twilio_Signature": ""},
        {"X_Twilio_Signature": "garbage"},
        {"X_Twilio_Signature": "ünicode"},
        {"X_Twilio_Signature": "A" * 28},
        {"X_Twilio_Webhooks_Signature_Settings": "algorithm=HMAC_MD5"},
        {"X_Twilio_Webhooks_Signature_Settings": "algorithm=HMAC_SHA256"},
        {"X_Twilio_Webhooks_Signature_Settings": ",,=,algorithm="} | {"X_Twilio_Signature": "x"},
    ],
)
def test_a_missing_or_wrong_signature_of_twilio_is_refused(api: FlaskClient, headers: dict[str, str]) -> None:
    answer = report(api, by_twilio(), **headers)

    assert answer.status_code == 403
    assert "PUBLIC_BASE_URL" in answer.get_json()["message"]
    assert refused(answer) == {}
    assert stored("receipts") == 0


@pytest.mark.parametrize(
    "signed",
    [
        twilio_request(PUBLIC + TWILIO_PATH, DELIVERED, "another token"),
        twilio_request(f"http://localhost{TWILIO_PATH}", DELIVERED, AUTH_TOKEN),
        twilio_request(PUBLIC + TWILIO_PATH + "0", DELIVERED, AUTH_TOKEN),
        SignedRequest(by_twilio().headers, by_twilio().body.replace(b"delivered", b"undelivered")),
        SignedRequest(by_twilio().headers, b""),
        SignedRequest(by_twilio().headers, b"\xff\xfe=%ff"),
        SignedRequest(by_twilio().headers | {"Content-Type": "application/json"}, b"{}"),
    ],
)
def test_a_signature_holds_for_its_address_and_its_form_only(api: FlaskClient, signed: SignedRequest) -> None:
    assert report(api, signed).status_code == 403
    assert stored("receipts") == 0
    assert metrics.totals()["receipts_refused_total", "twilio"] == 1


@pytest.mark.parametrize("secret", [AUTH_TOKEN, "shared-key-secret"])
def test_the_newer_way_to_sign_is_understood_where_it_is_announced(database: Configure, secret: str) -> None:
    database(**KEYS | {"TWILIO_WEBHOOK_SECRET": "shared-key-secret"} if secret != AUTH_TOKEN else KEYS)
    api = application().test_client()

    answer = report(api, twilio_request(PUBLIC + TWILIO_PATH, DELIVERED, secret, "HMAC_SHA256"))

    assert answer.status_code == 204


def test_the_standins_signature_is_the_one_that_twilios_own_library_checks() -> None:
    signed = by_twilio()
    validator = RequestValidator(AUTH_TOKEN)

    assert validator.validate(PUBLIC + TWILIO_PATH, DELIVERED, signed.headers["X-Twilio-Signature"])


def test_the_standins_signature_is_the_one_that_sendgrids_own_library_checks() -> None:
    signed = sendgrid_request([{"event": "delivered"}])
    signature, stamp = (signed.headers[f"X-Twilio-Email-Event-Webhook-{name}"] for name in ("Signature", "Timestamp"))

    assert EventWebhook(EVENT_PUBLIC_KEY).verify_signature(signed.body.decode(), signature, stamp)


def test_a_signed_form_without_a_message_is_refused_by_its_fields(api: FlaskClient) -> None:
    answer = report(api, by_twilio({"AccountSid": ACCOUNT_SID}))

    assert answer.status_code == 422
    assert refused(answer) == {"MessageSid, MessageStatus": "is missing"}


def test_a_report_without_our_id_is_stored_too(api: FlaskClient) -> None:
    path = "/callbacks/twilio"

    assert report(api, by_twilio(path=path), path).status_code == 204
    assert receipts()[0].notification_id is None


@pytest.mark.parametrize("missing", list(KEYS))
def test_without_its_key_a_provider_is_refused_even_in_open_mode(database: Configure, missing: str) -> None:
    database(**KEYS | {missing: ""} if missing != "SENDGRID_WEBHOOK_PUBLIC_KEY" else {"PUBLIC_BASE_URL": PUBLIC})
    api = application().test_client()

    answer = (
        report(api, sendgrid_request([]), "/callbacks/sendgrid")
        if missing.startswith("SENDGRID")
        else report(api, by_twilio())
    )

    assert answer.status_code == 403
    assert missing in answer.get_json()["message"]


def events(*news: News, notification_id: str = SOME_ID) -> list[dict[str, object]]:
    return [mail_event("m-1", notification_id, "a@example.com", each) for each in news]


def test_a_signed_batch_of_events_is_stored_in_one_go(api: FlaskClient, accept: Accept) -> None:
    many = events(*[News("processed")] * 2000)

    answer = report(api, sendgrid_request(many), "/callbacks/sendgrid")

    assert (answer.status_code, answer.data) == (204, b"")
    assert stored("receipts") == 2000
    assert {each.provider_message_id for each in receipts()} == {"m-1.recvd-stand-in-1.0"}


def test_an_event_that_comes_twice_in_a_batch_and_again_later_is_stored_once(api: FlaskClient) -> None:
    (event,) = events(News("delivered"))

    for batch in ([event, event], [event]):
        assert report(api, sendgrid_request(batch), "/callbacks/sendgrid").status_code == 204

    assert stored("receipts") == 1


def test_events_of_other_programs_mails_are_counted_and_left_out(api: FlaskClient) -> None:
    batch = [*events(News("delivered")), *events(News("open"), notification_id="theirs"), {"event": "x"}, 7]

    assert report(api, sendgrid_request(batch), "/callbacks/sendgrid").status_code == 204

    assert stored("receipts") == 1
    assert metrics.totals()["receipts_total", "sendgrid", "foreign"] == 3


@pytest.mark.parametrize("age", [-700, 700, 86_400 * 90])
def test_a_report_that_somebody_kept_cannot_be_sent_again_later(api: FlaskClient, age: float) -> None:
    signed = sendgrid_request(events(News("delivered")), at=time.time() - age)

    assert report(api, signed, "/callbacks/sendgrid").status_code == 403
    assert stored("receipts") == 0


SIGNATURE, TIMESTAMP = ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SIGNATURE, ""),
        (SIGNATURE, "no base64!"),
        (SIGNATURE, "AAAA"),
        (SIGNATURE, "ü"),
        (TIMESTAMP, ""),
        (TIMESTAMP, "now"),
        (TIMESTAMP, "-1"),
        (TIMESTAMP, "1" * 5000),
        pytest.param(TIMESTAMP, str(int(time.time()) + 1), id="another second"),
    ],
)
def test_a_missing_or_wrong_signature_of_sendgrid_is_refused(api: FlaskClient, name: str, value: str) -> None:
    signed = sendgrid_request(events(News("delivered")))

    answer = report(api, signed, "/callbacks/sendgrid", **{name.replace("-", "_"): value})

    assert answer.status_code == 403
    assert stored("receipts") == 0


def test_the_signature_of_sendgrid_holds_for_these_very_bytes(api: FlaskClient) -> None:
    signed = sendgrid_request(events(News("delivered")))

    for body in (signed.body.rstrip(), signed.body.replace(b"delivered", b"bounce"), b"\xff", b""):
        answer = report(api, SignedRequest(signed.headers, body), "/callbacks/sendgrid")
        assert answer.status_code == 403, body


@pytest.mark.parametrize(("content", "status"), [({"event": "delivered"}, 422), ("delivered", 422), (None, 422)])
def test_a_signed_body_that_is_no_list_is_refused(api: FlaskClient, content: object, status: int) -> None:
    assert report(api, sendgrid_request(content), "/callbacks/sendgrid").status_code == status


def test_a_body_beyond_a_megabyte_is_refused_unread(api: FlaskClient) -> None:
    signed = SignedRequest(sendgrid_request([]).headers, b"[" + b" " * 1_100_000 + b"]")

    assert report(api, signed, "/callbacks/sendgrid").status_code == 413


def test_a_query_with_strange_signs_is_signed_as_it_came(api: FlaskClient) -> None:
    path = f"/callbacks/twilio?notification_id={SOME_ID}&x={quote('a b/ü')}&x=2"

    assert report(api, by_twilio(path=path), path).status_code == 204
