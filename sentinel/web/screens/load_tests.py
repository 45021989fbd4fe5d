"""Load test: one event by hand, a load by a preset or a plan of one's own, and what became of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, FieldError, InvalidInputError, shown
from sentinel.ids import is_id
from sentinel.json_bounds import is_storable
from sentinel.models import LoadTest
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.event import EventStatus
from sentinel.models.status import FINAL
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.loading import jobs
from sentinel.services.loading.plans import KINDS, MIXED, PRESETS, Wish
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching.provider_setup import setups
from sentinel.settings import get_settings
from sentinel.web.access import acts, caller_for, note_action, visitor
from sentinel.web.chosen_client import chosen_client
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.json_fields import read_json
from sentinel.web.load_chart import draw
from sentinel.web.paging import cursor, page_size, paged, relative_to

KEPT_HERE = ("sandbox", "inbox")
MOST_CLIENTS = 20
MOST_CONTEXT = 20_000
NUMBERS = {"rate": float, "seconds": float, "count": int, "burst": int, "seed": int}
USUAL_EVENT = {"client": DEFAULT_CLIENT, "severity": "high", "source": "api", "name": "timeout", "context": ""}
USUAL_PLAN = {"kind": KINDS[0], "client": DEFAULT_CLIENT, "rate": "20", "seconds": "30"}

blueprint = Blueprint("load_tests", __name__, url_prefix="/console/load-tests")


@blueprint.get("")
def index() -> Response:
    """Show what can be begun, what runs, and the history."""
    return _index()


@blueprint.get("/history")
def history() -> Response:
    """Show the history alone, again and again."""
    with unit_of_work() as uow:
        return page("console/load_tests/_history.html", **_history(uow))


@blueprint.post("/event")
@acts("operator")
def send() -> Response:
    """Post one event through the production path."""
    given = {name: text(name) for name in (*USUAL_EVENT, "is_broadcast")}
    names = list(dict.fromkeys(name.strip() for name in given["client"].split(",") if name.strip()))
    is_broadcast = bool(given["is_broadcast"])
    try:
        body = _event(given, names)
        with unit_of_work() as uow:
            callers = [caller_for(uow, name) for name in names]
            ids = jobs.send_one(uow, callers, body, is_broadcast=is_broadcast)
            for caller, event_id in zip(callers, ids, strict=True):
                subject = f"event {event_id}"
                note_action(uow, "event.send", subject, client=caller.client_name, is_broadcast=is_broadcast)
    except InvalidInputError as error:
        return _index(HTTPStatus.UNPROCESSABLE_ENTITY, event=given, event_errors=errors_of(error))
    if len(ids) == 1:
        flash("Sent. This is what came of it.")
        return see_other("console.events.show", event_id=ids[0])
    return see_other("console.load_tests.index", sent=ids)


@blueprint.post("")
@acts("operator")
def begin() -> Response:
    """Begin a load test by a preset, or by a plan."""
    name = text("preset")
    given = {key: text(key) for key in ("kind", "client", *NUMBERS, *MIXED)}
    try:
        wish = PRESETS[name].wish if name in PRESETS else _wish(given)
        with unit_of_work() as uow:
            caller = caller_for(uow, given["client"] or DEFAULT_CLIENT)
            twin = jobs.twin_of(uow, caller, wish)
            found = twin or jobs.begin(uow, caller, wish)
            load_test_id, subject = found.id, f"load test {found.label}"
            if twin is None:
                note_action(uow, "load_test.begin", subject, client=caller.client_name, total=found.total)
            else:
                not_done("It waits or runs already: you asked for it a moment ago.")
    except InvalidInputError as error:
        return _index(HTTPStatus.UNPROCESSABLE_ENTITY, plan=given, plan_errors=errors_of(error))
    return see_other("console.load_tests.show", load_test_id=load_test_id)


@blueprint.get("/<uuid:load_test_id>")
def show(load_test_id: object) -> Response:
    """Show one load test: how far it came, how fast, and what became of its events."""
    with unit_of_work() as uow:
        return page("console/load_tests/show.html", **_progress(uow, str(load_test_id)))


@blueprint.get("/<uuid:load_test_id>/progress")
def progress(load_test_id: object) -> Response:
    """Show how far it came, again and again."""
    with unit_of_work() as uow:
        return page("console/load_tests/_progress.html", **_progress(uow, str(load_test_id)))


@blueprint.post("/<uuid:load_test_id>/stop")
@acts("operator")
def stop(load_test_id: object) -> Response:
    """End a load test."""
    wanted, person = str(load_test_id), visitor()
    try:
        with unit_of_work() as uow:
            found, client = jobs.get(uow, wanted)
            jobs.stop(uow, wanted, by=person.name if person else "")
            note_action(uow, "load_test.stop", f"load test {found.label}", client=client)
        flash("It ends within seconds.")
    except ConflictError as error:
        not_done(str(error))
    return see_other("console.load_tests.show", load_test_id=wanted)


def _index(status: HTTPStatus = HTTPStatus.OK, **forms: Any) -> Response:
    with unit_of_work() as uow:
        values = _history(uow)
    settings = get_settings()
    sent = [each for each in request.args.getlist("sent")[:MOST_CLIENTS] if is_id(each)]
    usual = {"event": USUAL_EVENT, "plan": USUAL_PLAN, "event_errors": {}, "plan_errors": {}}
    loud = [each.channel for each in setups(settings) if not set(each.providers) <= set(KEPT_HERE)]
    return page(
        "console/load_tests/index.html",
        status,
        **values,
        **(usual | forms),
        sent=sent,
        history_here=relative_to("console.load_tests.history"),
        loud=loud,
        settings=settings,
        presets=PRESETS,
        severities=SEVERITIES,
        kinds=KINDS,
    )


def _history(uow: UnitOfWork) -> dict[str, Any]:
    client = chosen_client(uow)
    before = cursor()
    rows, following = jobs.page(uow, client.id, before=before if before and is_id(before) else None, size=page_size())
    return {"history": paged(rows, following), "client": client}


def _event(given: Mapping[str, str], names: list[str]) -> dict[str, Any]:
    """The event that the form describes."""
    if not names or len(names) > MOST_CLIENTS:
        raise InvalidInputError(
            FieldError("client", given["client"][:100], "names no client, or too many", f"name one to {MOST_CLIENTS}")
        )
    body = {name: given[name] for name in ("severity", "source", "name") if given[name]}
    for name, value in body.items():
        if not is_storable(value):
            raise InvalidInputError(
                FieldError(name, shown(value), "contains a NUL character, which cannot be stored", "remove it")
            )
    return body | ({"context": _context(given["context"])} if given["context"] else {})


def _context(written: str) -> Any:
    if len(written) > MOST_CONTEXT:
        raise InvalidInputError(
            FieldError("context", written[:100], "is too long", f"at most {MOST_CONTEXT} characters")
        )
    return read_json("context", written)


def _wish(given: Mapping[str, str]) -> Wish:
    """The load test that the form describes."""
    numbers: dict[str, Any] = {}
    errors = []
    for name, kind in NUMBERS.items():
        try:
            numbers[name] = kind(given[name]) if given[name] else None
        except ValueError:
            errors.append(FieldError(name, given[name][:100], "is not a number", "write it in digits"))
    if errors:
        raise InvalidInputError(*errors)
    mix: dict[str, Any] = {name: given[name] or None for name in MIXED}
    return Wish(given["kind"], **numbers, **mix)


def _progress(uow: UnitOfWork, load_test_id: str) -> dict[str, Any]:
    found, client = jobs.get(uow, load_test_id)
    outcome = jobs.outcome(uow, found)
    under_way = outcome.events.get(EventStatus.PENDING, 0) or any(each not in FINAL for each in outcome.messages)
    return {
        "row": found,
        "client_name": client,
        "outcome": outcome,
        "sample": len(jobs.sample(found)),
        "chart": draw(found.curve, wanted=found.plan["rate"]),
        "is_settled": not found.is_open and not under_way,
        "again": _again(found, client) if get_settings().may_load_test else None,
    }


def _again(found: LoadTest, client: str) -> dict[str, Any]:
    """The fields of a form that begins the same once more: the same events, with ids of their own."""
    plan = {name: found.plan[name] for name in ("rate", "burst", *MIXED) if name in found.plan}
    return {"kind": found.kind, "client": client, "count": found.total, "seed": found.seed} | plan
