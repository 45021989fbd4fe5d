"""GET /notifications: pages by key, filters, and refusals that name the parameter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.clock import utc_now
from sentinel.ids import new_ids
from tests.integration.calls import EMAIL, SMS, bearer, execute, refused, send
from tests.integration.conftest import Accept

MOST_PAGES = 20


def _ids(response: TestResponse) -> list[str]:
    assert response.status_code == 200, response.get_json()
    return [each["id"] for each in response.get_json()]


def _pages(api: FlaskClient, address: str) -> Iterator[list[str]]:
    """Follow the Link headers to the end."""
    for _ in range(MOST_PAGES):
        response = api.get(address)
        yield _ids(response)
        if "Link" not in response.headers:
            return
        address = response.headers["Link"].partition(">")[0].removeprefix("<")
    pytest.fail(f"no end after {MOST_PAGES} pages")


def test_the_newest_come_first(api: FlaskClient, accept: Accept) -> None:
    ids = [accept() for _ in range(3)]

    assert _ids(api.get("/notifications")) == ids[::-1]


def test_following_the_pages_meets_every_row_once_though_times_are_equal(api: FlaskClient) -> None:
    for _ in range(5):
        send(api, [SMS] * 50, "/notifications/batch")
    execute("UPDATE notifications SET created_at = '2026-01-01T00:00:00Z', updated_at = '2026-01-01T00:00:00Z'")

    pages = list(_pages(api, "/notifications?limit=40&channel=sms"))

    met = [each for page in pages for each in page]
    assert [len(page) for page in pages] == [40] * 6 + [10]
    assert len(set(met)) == 250
    assert met == sorted(met, reverse=True)


def test_rows_that_arrive_meanwhile_do_not_shift_the_pages(api: FlaskClient, accept: Accept) -> None:
    ids = [accept() for _ in range(4)]
    first = api.get("/notifications?limit=2")

    accept()
    second = api.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    assert [*_ids(first), *_ids(second)] == ids[::-1]


def test_the_last_page_says_that_it_is_the_last(api: FlaskClient, accept: Accept) -> None:
    ids = [accept() for _ in range(2)]

    full, part = api.get("/notifications?limit=2"), api.get("/notifications?limit=1")

    assert "Link" not in full.headers
    assert full.headers["X-Pagination"] == '{"page_size":2,"next_cursor":null}'
    assert part.headers["X-Pagination"] == f'{{"page_size":1,"next_cursor":"{ids[1]}"}}'


def test_an_empty_list_is_an_empty_array(api: FlaskClient) -> None:
    assert api.get("/notifications").get_json() == []


@pytest.fixture
def mixed(api: FlaskClient) -> dict[tuple[str, str, str], str]:
    """One row for each channel, status and reason."""
    made = {}
    for channel, status, reason in product(
        ("sms", "email"), ("FAILED", "SUPPRESSED", "SENT"), ("duplicate", "expired")
    ):
        made[channel, status, reason] = found = send(api, SMS if channel == "sms" else EMAIL).get_json()["id"]
        execute(
            "UPDATE notifications SET status = :status, reason = :reason, queue_at = NULL WHERE id = :id",
            status=status,
            reason=reason,
            id=found,
        )
    return made


FILTERS = {
    "channel": ["", "sms", "EMAIL"],
    "status": ["", "FAILED", "failed,SENT", "SUPPRESSED, sent", "PENDING"],
    "reason": ["", "expired", "nothing"],
    "since": ["", "1h"],
}


def test_a_user_and_an_address_find_their_own(api: FlaskClient, accept: Accept) -> None:
    hers = accept(channel="inbox", recipient="user-1", user_id="user-1")
    accept(channel="inbox", recipient="user-2", user_id="user-2")
    number = accept(recipient="+14155552672")

    assert _ids(api.get("/notifications?user_id=user-1")) == [hers]
    assert _ids(api.get("/notifications?channel=inbox&recipient=user-1")) == [hers]
    assert _ids(api.get(f"/notifications?recipient={quote('+14155552672')}")) == [number]


def test_filters_work_alone_and_together(api: FlaskClient, mixed: dict[tuple[str, str, str], str]) -> None:
    for channel, statuses, reason, since in product(*FILTERS.values()):
        given = dict(zip(FILTERS, (channel, statuses, reason, since), strict=True))
        query = "&".join(f"{name}={quote(value)}" for name, value in given.items() if value)
        wanted = {
            made
            for (its_channel, its_status, its_reason), made in mixed.items()
            if (not channel or its_channel == channel.lower())
            and (not statuses or its_status in statuses.upper().replace(" ", "").split(","))
            and (not reason or its_reason == reason)
        }

        assert set(_ids(api.get(f"/notifications?{query}"))) == wanted, query


def test_the_filters_of_a_page_hold_for_the_next_one(api: FlaskClient, mixed: dict[tuple[str, str, str], str]) -> None:
    pages = list(_pages(api, "/notifications?limit=1&status=FAILED,SENT&channel=sms"))

    assert [each for page in pages for each in page] == sorted(
        (made for (channel, status, _), made in mixed.items() if channel == "sms" and status != "SUPPRESSED"),
        reverse=True,
    )


def test_since_means_accepted_at_or_after(api: FlaskClient, accept: Accept) -> None:
    moment = utc_now()
    old, new = (new_ids(moment - timedelta(minutes=minutes), 1)[0] for minutes in (90, 30))
    for made in (old, new):
        execute("UPDATE notifications SET id = :made WHERE id = :found", made=made, found=accept())

    assert _ids(api.get("/notifications?since=1h")) == [new]
    assert _ids(api.get("/notifications?since=2h")) == [new, old]
    for offset in ("Z", "%2B00:00"):
        stamp = (moment - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S") + offset
        assert _ids(api.get(f"/notifications?since={stamp}")) == [new]


@pytest.mark.parametrize(
    "since", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00%2B14:00", "99999w", "1970-01-01T00:00:00Z", "999999999s"]
)
def test_since_long_ago_means_everything(since: str, api: FlaskClient, accept: Accept) -> None:
    made = accept()

    assert _ids(api.get(f"/notifications?since={since}")) == [made]


def test_since_in_the_future_means_nothing(api: FlaskClient, accept: Accept) -> None:
    accept()
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert _ids(api.get(f"/notifications?since={later}")) == []
    assert _ids(api.get("/notifications?since=9999-12-31T23:59:59-14:00")) == []


@pytest.mark.parametrize(
    ("query", "field", "part"),
    [
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=201", "limit", "less than or equal to 200"),
        ("limit=-1", "limit", "greater than or equal to 1"),
        ("limit=1.5", "limit", "Not a valid integer."),
        ("limit=", "limit", "Not a valid integer."),
        ("limit=" + "9" * 30, "limit", "less than or equal to 200"),
        ("limit=" + "9" * 5000, "limit", "Not a valid integer."),
        ("cursor=x", "cursor", "Not a valid UUID."),
        ("cursor=", "cursor", "Not a valid UUID."),
        ("status=DONE", "status", "unknown status"),
        ("status=FAILED,", "status", "unknown status"),
        ("status=", "status", "unknown status"),
        ("status=%00", "status", "unknown status"),
        ("channel=fax", "channel", "Must be one of: sms, email, slack, webhook, push, inbox."),
        ("reason=%00", "reason", "Contains a NUL character"),
        ("since=yesterday", "since", "yesterday is not a time"),
        ("since=", "since", "is not a time"),
        ("since=5", "since", "5 is not a time"),
        ("since=%00", "since", "is not a time"),
        ("since=-5m", "since", "-5m is not a time"),
        ("since=2026-01-01T00:00:00", "since", "has no offset"),
        ("since=2026-01-01T00:00:00+01:00", "since", "is not a time"),
        ("since=999999999w", "since", "farther away than time goes"),
        ("chanel=sms", "chanel", "Unknown field."),
        ("Status=FAILED", "Status", "Unknown field."),
        ("page=2", "page", "Unknown field."),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(query: str, field: str, part: str, api: FlaskClient) -> None:
    response = api.get(f"/notifications?{query}")

    assert response.status_code == 422
    found = refused(response)
    assert set(found) == {field}
    assert part in found[field]


def test_a_misspelt_parameter_is_shown_the_right_one(api: FlaskClient) -> None:
    response = api.get("/notifications?chanel=sms")

    assert response.get_json()["errors"][0]["remedy"] == 'did you mean "channel"?'


def test_a_client_may_name_itself_but_no_other(api: FlaskClient, accept: Accept) -> None:
    made = accept()
    key = bearer("other")

    assert _ids(api.get("/notifications?client=default")) == [made]
    assert _ids(api.get("/notifications?client=other", headers=key)) == []
    for name in ("default", "nobody", "%00", ""):
        assert api.get(f"/notifications?client={name}", headers=key).status_code == 403


def test_an_admin_key_acts_for_every_client_that_there_is(api: FlaskClient, accept: Accept) -> None:
    made = accept()
    key = bearer("operations", "notifications:read", "admin")

    assert _ids(api.get("/notifications?client=default", headers=key)) == [made]
    assert _ids(api.get("/notifications", headers=key)) == []
    for name in ("nobody", "%00", ""):
        assert api.get(f"/notifications?client={name}", headers=key).status_code == 404
