"""Retry and cancel over every status, and the ids under which a notification is (not) found."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from sentinel.models.status import ALLOWED, WAITING, Status
from tests.integration.calls import execute, refused
from tests.integration.conftest import Accept
from tests.rows import row


def _put(notification_id: str, status: Status) -> None:
    """Set a status as the table's own checks demand it."""
    execute(
        """
        UPDATE notifications SET status = :status, attempts = 6, reason = 'before',
            queue_at = CASE WHEN :waits THEN now() END,
            lease_id = CASE WHEN :sending THEN gen_random_uuid() END,
            lease_until = CASE WHEN :sending THEN now() + interval '1 minute' END
        WHERE id = :id
        """,
        status=status,
        waits=status in WAITING,
        sending=status is Status.SENDING,
        id=notification_id,
    )


def _may(status: Status, target: Status) -> bool:
    """What the state machine allows to an operator; RETRYING and SENDING → PENDING are the engine's own ways."""
    is_ended = status not in WAITING and status is not Status.SENDING
    return target in ALLOWED[status] and (target is not Status.PENDING or is_ended)


@pytest.mark.parametrize("status", list(Status))
def test_retry_starts_over_what_the_state_machine_lets_start_over(
    status: Status, api: FlaskClient, accept: Accept
) -> None:
    notification_id = accept()
    _put(notification_id, status)

    response = api.post(f"/notifications/{notification_id}/retry")

    now = row(notification_id)
    if _may(status, Status.PENDING):
        assert response.status_code == 202
        assert (now.status, now.reason, now.attempt_limit - now.attempts) == ("PENDING", "retried", 6)
        assert now.queue_at is not None
        assert response.get_json()["status"] == "PENDING"
    else:
        assert response.status_code == 409
        assert refused(response) == {}
        assert (now.status, now.reason) == (status, "before")
        assert f"is {status} (before) and cannot be retried" in response.get_json()["message"]


@pytest.mark.parametrize("status", list(Status))
def test_cancel_stops_what_the_state_machine_lets_stop(status: Status, api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()
    _put(notification_id, status)

    response = api.post(f"/notifications/{notification_id}/cancel")

    now = row(notification_id)
    if _may(status, Status.CANCELLED):
        assert response.status_code == 200
        assert (now.status, now.queue_at, now.next_attempt_at) == ("CANCELLED", None, None)
        assert response.get_json()["status"] == "CANCELLED"
    else:
        assert response.status_code == 409
        assert refused(response) == {}
        assert (now.status, now.reason) == (status, "before")
        assert f"is {status} and cannot be cancelled" in response.get_json()["message"]


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_the_second_of_two_equal_orders_is_a_409(action: str, api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()
    if action == "retry":
        _put(notification_id, Status.FAILED)

    answers = [api.post(f"/notifications/{notification_id}/{action}").status_code for _ in range(2)]

    assert answers == [202 if action == "retry" else 200, 409]


@pytest.mark.parametrize("data", [b"", b"{}", b"null"])
def test_orders_need_no_body_and_do_not_mind_one(data: bytes, api: FlaskClient, accept: Accept) -> None:
    response = api.post(f"/notifications/{accept()}/cancel", data=data, content_type="application/json")

    assert response.status_code == 200


@pytest.mark.parametrize(
    "unknown",
    [
        "x",
        "00000000-0000-0000-0000-000000000000",
        "%00",
        "..",
        "urn:uuid:{known}",
        "{{{known}}}",
        "{known}0",
        "{known} ",
        "+{known}",
        "\u06601a1fb51-12c7-7639-9ce9-a1d6fe245600",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("action", ["", "/timeline", "/retry", "/cancel"])
def test_what_is_no_id_of_ours_is_not_found(unknown: str, action: str, api: FlaskClient, accept: Accept) -> None:
    path = f"/notifications/{unknown.format(known=accept())}{action}"

    response = api.open(path, method="POST" if action in ("/retry", "/cancel") else "GET")

    assert response.status_code == 404
    assert refused(response) == {}
    assert len(response.data) < 500


def test_an_id_may_be_written_in_capitals(api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()

    assert api.get(f"/notifications/{notification_id.upper()}").get_json()["id"] == notification_id
