"""Load tests in a real browser: begun by a click, watched, stopped; what is wrong with a plan is said at its field."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from tests.browser.conftest import Look
from tests.integration.calls import execute, stored
from tests.system import System

DONE = """
    INSERT INTO load_tests (
        id, client_id, label, kind, plan, seed, total, started_by, status, problem, place, accepted, refused, failed,
        waits, seconds, p50_ms, p99_ms, curve, created_at, began_at, updated_at, finished_at)
    SELECT gen_random_uuid(), (SELECT max(id) FROM clients), kind || '-' || n || '-5e1f00d' || n, kind || 's',
           jsonb_build_object('rate', rate, 'burst', burst, 'batch', 1, 'connections', 8,
           'url', 'http://127.0.0.1:8000'), n, total,
           'anneliese-von-der-rufbereitschaft', status, problem, done, done - refused, refused, 0, 3, total / rate, 4.1,
           38.4, '[[1, 50], [2, 101], [3, 150]]', now() - make_interval(hours => n), now() - make_interval(hours => n),
           now(), now() - make_interval(hours => n) + interval '1 minute'
    FROM (VALUES
        (1, 'alert', 50, 1, 3000, 3000, 0, 'finished', NULL),
        (2, 'device', 20, 1, 1200, 412, 0, 'stopped', 'stopped by bob'),
        (3, 'alert', 320, 1, 9600, 9600, 14, 'finished', 'severity: "PINK" is not known: one of critical, high'),
        (4, 'alert', 1000, 1000, 1000, 0, 0, 'failed', 'the API refuses the load: 401 this API key does not work')
    ) AS done (n, kind, rate, burst, total, done, refused, status, problem)
"""


def test_without_a_history_everything_can_be_begun(person: Page, console: System, look: Look) -> None:
    person.goto("/console/load-tests")

    expect(person.get_by_text("No load test yet")).to_be_visible()
    look(person, "load-tests-empty")


def test_a_load_is_begun_watched_and_stopped(person: Page, console: System, look: Look) -> None:
    person.goto("/console/load-tests")
    person.get_by_role("button", name="Begin Steady").click()
    expect(person.get_by_role("heading", name="Load test alert-")).to_be_visible()

    expect(person.get_by_role("img", name="Events answered each second")).to_be_visible(timeout=40_000)
    assert stored("events") > 0
    look(person, "load-test-running")
    person.get_by_role("button", name="Stop it").click()
    person.get_by_role("dialog").get_by_role("button", name="Stop it").click()

    expect(person.get_by_text("stopped by alice")).to_be_visible(timeout=30_000)
    look(person, "load-test-stopped")


def test_the_history_shows_how_each_ended(person: Page, console: System, look: Look) -> None:
    with unit_of_work() as uow:
        clients.create_key(uow, "payments-europe-and-a-long-name", "makes the client")
    execute(DONE)

    person.goto("/console/load-tests")

    expect(person.get_by_role("link", name="alert-1-5e1f00d1")).to_be_visible()
    look(person, "load-tests-history")


def test_what_is_wrong_with_a_plan_is_said_at_its_field(person: Page, console: System, look: Look) -> None:
    person.goto("/console/load-tests")
    person.get_by_text("A plan of your own").click()
    person.get_by_label("A second").fill("5000")
    person.get_by_label("Severities").fill("HIGH:70,LOW:20")

    person.get_by_role("button", name="Begin this plan").click()

    expect(person.get_by_text("adds up to 90 and not to 100")).to_be_visible()
    expect(person.get_by_label("A second")).to_have_value("5000")
    look(person, "load-tests-refused")


def test_one_event_is_sent_and_led_to(person: Page, console: System) -> None:
    person.goto("/console/load-tests")
    person.get_by_role("button", name="Send it").click()

    expect(person.get_by_text("What came of it").or_(person.get_by_text("what came of it")).first).to_be_visible()
    assert stored("events") == 1
