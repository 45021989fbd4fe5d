"""`POST /integrations/sns/{id}`: what Amazon signed is taken in, and nobody else is ever visited."""

from __future__ import annotations

import json
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.integrations import sns, sns_signatures
from tests.conftest import Configure
from tests.integration.amazon import CERTIFICATE_PATH, Amazon
from tests.integration.calls import bearer, stored
from tests.integration.conftest import application
from tests.integration.senders import integration, path_of, rows

TOPIC = sns.SAMPLE["TopicArn"]


@pytest.fixture
def amazon(httpserver: HTTPServer) -> Amazon:
    """Amazon on this machine; nothing of another test's is remembered."""
    sns_signatures.certificate_at.cache_clear()
    return Amazon(httpserver)


@pytest.fixture
def api(database: Configure, amazon: Amazon) -> FlaskClient:
    database(SENTINEL_OPEN_MODE="false", SENTINEL_SNS_BASE_URL=amazon.base)
    return application().test_client()


@pytest.fixture
def path(api: FlaskClient) -> str:
    return path_of(integration(api, "sns"))


def post(api: FlaskClient, path: str, body: Any) -> TestResponse:
    """As SNS does: JSON that says it is text."""
    return api.post(path, data=json.dumps(body), content_type="text/plain; charset=UTF-8")


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_alarm_is_an_alert_and_the_same_again_is_a_duplicate(
    api: FlaskClient, path: str, amazon: Amazon, version: str
) -> None:
    answers = [post(api, path, amazon.signed(version)) for _ in range(2)]

    assert [(each.status_code, each.get_json()["status"]) for each in answers] == [
        (202, "accepted"),
        (202, "duplicate"),
    ]
    [row] = rows()
    assert (row.type, row.name, row.source, row.body["status"]) == ("alert", "cpu-high", "cloudwatch", "firing")


def test_a_certificate_is_fetched_once(api: FlaskClient, path: str, amazon: Amazon) -> None:
    for number in range(3):
        assert post(api, path, amazon.signed(MessageId=str(number))).status_code == 202

    assert amazon.asked == [CERTIFICATE_PATH]


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": "another"},
        {"Subject": "another"},
        {"Subject": None},
        {"Timestamp": "2026-11-20T18:00:02.000Z"},
        {"TopicArn": "arn:aws:sns:eu-central-1:1:other"},
        {"Signature": "AAAA"},
        {"Signature": "no base64"},
        {"SignatureVersion": "1"},
    ],
)
def test_a_signature_holds_for_all_that_is_signed(
    api: FlaskClient, path: str, amazon: Amazon, changes: dict[str, Any]
) -> None:
    body = {name: value for name, value in (amazon.signed() | changes).items() if value is not None}

    assert post(api, path, body).status_code == 403
    assert stored("events") == 0
    assert metrics.totals()["integrations_refused_total", "sns"] == 1


def test_what_another_key_signed_is_refused(
    api: FlaskClient, path: str, amazon: Amazon, httpserver: HTTPServer
) -> None:
    forged = amazon.signed()
    httpserver.clear()
    Amazon(httpserver)  # its certificate lies there now, and `forged` was signed by the one before

    assert post(api, path, forged).status_code == 403


def test_a_certificate_whose_time_is_over_proves_nothing(api: FlaskClient, path: str, httpserver: HTTPServer) -> None:
    httpserver.clear()
    late = Amazon(httpserver, valid_for=timedelta(hours=-1))

    assert post(api, path, late.signed()).status_code == 403


def test_a_certificate_elsewhere_is_not_fetched(api: FlaskClient, path: str, amazon: Amazon) -> None:
    elsewhere = amazon.base.replace("localhost", "127.0.0.1") + "/x" + CERTIFICATE_PATH

    assert post(api, path, amazon.signed(SigningCertURL=elsewhere)).status_code == 403
    assert amazon.asked == []


def test_without_the_setting_only_amazon_itself_is_believed(
    database: Configure, amazon: Amazon, api: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENTINEL_SNS_BASE_URL")
    database()

    assert post(application().test_client(), path, amazon.signed()).status_code == 403
    assert amazon.asked == []


@pytest.mark.parametrize("answer", ["missing", "redirect", "no certificate", "too long"])
def test_a_certificate_that_cannot_be_had_now_is_asked_for_again_later(
    api: FlaskClient, path: str, amazon: Amazon, httpserver: HTTPServer, answer: str
) -> None:
    body = amazon.signed()
    httpserver.clear()
    where = httpserver.expect_request(CERTIFICATE_PATH)
    if answer == "redirect":
        where.respond_with_data(status=302, headers={"Location": amazon.base + "/elsewhere"})
    elif answer == "no certificate":
        where.respond_with_data(b"hello")
    elif answer == "too long":
        where.respond_with_data(amazon.certificate + b"\n" * 100_000)
    else:
        where.respond_with_data(status=404)

    response = post(api, path, body)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert amazon.asked == [CERTIFICATE_PATH]
    assert stored("events") == 0


def test_bytes_that_come_one_by_one_are_not_waited_for_without_an_end(
    api: FlaskClient, path: str, amazon: Amazon, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, over = amazon.signed(), Event()
    monkeypatch.setattr(sns_signatures, "DEADLINE_SECONDS", 0.2)
    httpserver.clear()

    def drip(_: Request) -> Response:
        return Response(b"\n" for _ in iter(lambda: over.wait(0.02), True))

    httpserver.expect_request(CERTIFICATE_PATH).respond_with_handler(drip)

    response = post(api, path, body)
    over.set()

    assert response.status_code == 503
    assert "takes too long" in response.get_json()["message"]


def test_a_subscription_is_confirmed_where_amazon_says(api: FlaskClient, path: str, amazon: Amazon) -> None:
    amazon.confirm()

    answer = post(api, path, amazon.subscription())

    assert (answer.status_code, answer.get_json()) == (200, {"message": "confirmed"})
    assert amazon.asked == [CERTIFICATE_PATH, "/"]
    assert stored("events") == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/?Action=ConfirmSubscription",
        "{base}/?Action=Unsubscribe",
        "{base}/x?Action=ConfirmSubscription",
    ],
)
def test_nothing_but_a_confirmation_is_visited_even_if_it_is_signed(
    api: FlaskClient, path: str, amazon: Amazon, url: str
) -> None:
    answer = post(api, path, amazon.subscription(SubscribeURL=url.format(base=amazon.base)))

    assert answer.status_code == 422
    assert amazon.asked == [CERTIFICATE_PATH]


def test_a_subscription_that_nobody_signed_is_not_confirmed(api: FlaskClient, path: str, amazon: Amazon) -> None:
    amazon.confirm()

    assert post(api, path, amazon.subscription() | {"Token": "other"}).status_code == 403
    assert amazon.asked == [CERTIFICATE_PATH]


def test_a_confirmation_that_fails_is_asked_for_again(api: FlaskClient, path: str, amazon: Amazon) -> None:
    amazon.confirm(302, Location=f"{amazon.base}/elsewhere")

    assert post(api, path, amazon.subscription()).status_code == 503
    assert amazon.asked == [CERTIFICATE_PATH, "/"]


def test_the_end_of_a_subscription_is_noted_and_not_undone(api: FlaskClient, path: str, amazon: Amazon) -> None:
    answer = post(api, path, amazon.subscription(Type=sns.UNSUBSCRIPTION))

    assert (answer.status_code, answer.get_json()) == (200, {"message": "noted"})
    assert amazon.asked == [CERTIFICATE_PATH]


def test_an_integration_of_one_topic_takes_no_other(api: FlaskClient, amazon: Amazon) -> None:
    made = integration(api, "sns", topic_arn=TOPIC)
    other = amazon.signed(TopicArn=f"{TOPIC}-2")

    assert post(api, path_of(made), amazon.signed()).status_code == 202
    assert post(api, path_of(made), other).status_code == 403
    api.patch(f"/integrations/{made['id']}", json={"topic_arn": None}, headers=bearer("shop"))
    assert post(api, path_of(made), other).status_code == 202
