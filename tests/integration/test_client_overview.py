"""Clients at a glance: what they have and what they sent today."""

from __future__ import annotations

from sentinel.models import Client
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import client_overview
from sentinel.services.watching.client_overview import Overview
from tests.integration.calls import bearer, execute
from tests.integration.conftest import Accept
from tests.integration.rules import client, endpoint, rule


def overviews() -> dict[str, Overview]:
    with unit_of_work() as uow:
        rows, _ = clients.page(uow, after=0, size=10)
        found = client_overview.of(uow, rows)
        for row in rows:
            assert client_overview.of(uow, [row]) == {row.id: found[row.id]}
        return {row.name: found[row.id] for row in rows}


def test_what_clients_have_is_counted_each_by_itself(accept: Accept) -> None:
    rule("when true then notify('endpoint:*')".replace("'", '"'), "all")
    endpoint("sms", "+14155552671")
    endpoint("sms", "+14155552672", of="shop")
    endpoint("sms", "+14155552673", of="shop")
    bearer("shop")
    bearer("shop")
    execute("UPDATE api_keys SET revoked_at = now() WHERE id = (SELECT min(id) FROM api_keys)")

    found = overviews()

    default, shop = found["default"].counts, found["shop"].counts
    assert (default.rules, default.endpoints, default.keys) == (1, 1, 0)
    assert (shop.rules, shop.endpoints, shop.keys, shop.tickets) == (0, 2, 1, 0)


def test_what_was_accepted_today_comes_from_the_books_whether_added_up_or_not(accept: Accept) -> None:
    shop = client("shop")
    for _ in range(3):
        accept(shop)
    accept(shop, channel="email", recipient="ops@example.com")
    accept(shop)
    execute("UPDATE book_entries SET day = day - 1 WHERE id = (SELECT max(id) FROM book_entries)")

    found = overviews()

    assert (found["shop"].today, found["shop"].total_today) == ({"sms": 3, "email": 1}, 4)
    assert found["default"].today == {}


def test_clients_are_found_by_words_of_their_names() -> None:
    client("Shop of Zürich")
    client("shopping_cart")

    with unit_of_work() as uow:
        found: list[list[Client]] = [
            list(clients.page(uow, after=0, size=10, words=words)[0]) for words in ("SHOP", "g_c", "%")
        ]

    assert [[each.name for each in rows] for rows in found] == [
        ["Shop of Zürich", "shopping_cart"],
        ["shopping_cart"],
        [],
    ]
