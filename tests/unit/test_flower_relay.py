"""Pages of Flower, put below the console."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError
from sentinel.settings import load_settings
from sentinel.web.flower_relay import address, at_home, moved


@pytest.mark.parametrize(
    ("page", "there"),
    [
        (b'<a href="/workers">', b'<a href="/console/flower/workers">'),
        (b'<script src="/static/js/flower.js?v=1">', b'<script src="/console/flower/static/js/flower.js?v=1">'),
        (b'<form action="/tasks">', b'<form action="/console/flower/tasks">'),
        (b'<a href="https://flower.readthedocs.io/">', b'<a href="https://flower.readthedocs.io/">'),
        (b'<a href="//elsewhere.example/">', b'<a href="//elsewhere.example/">'),
        (b'<use href="#icon">', b'<use href="#icon">'),
        (
            b'<input type="hidden" value="" id="url_prefix">',
            b'<input type="hidden" value="/console/flower" id="url_prefix">',
        ),
        ("<td>näme = &quot;/x&quot;</td>".encode(), "<td>näme = &quot;/x&quot;</td>".encode()),
    ],
)
def test_addresses_of_flowers_pages_lie_below_the_console(page: bytes, there: bytes) -> None:
    assert at_home(page) == there


def test_its_menu_leads_back() -> None:
    assert b'href="/console">' in at_home(b'<ul class="app-nav navbar-nav">')


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/workers?page=2", "/console/flower/workers?page=2"),
        ("http://elsewhere.example/x", "/console/flower/x"),
        ("//elsewhere.example", "/console/flower/"),
    ],
)
def test_flower_leads_nobody_elsewhere(location: str, there: str) -> None:
    assert moved(location) == there


def test_flower_is_where_it_listens_unless_somebody_says_otherwise() -> None:
    assert address(load_settings()) == "http://127.0.0.1:5555"
    assert address(load_settings(flower_host="0.0.0.0", flower_port=1234)) == "http://127.0.0.1:1234"
    assert address(load_settings(flower_host="::1")) == "http://[::1]:5555"
    assert address(load_settings(flower_url="http://flower:5555/")) == "http://flower:5555"


@pytest.mark.parametrize("url", ["flower:5555", "ftp://flower", "http://user:secret@flower", "http://flower/path"])
def test_its_address_is_a_host_without_a_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="FLOWER_URL"):
        load_settings(flower_url=url)
