"""Tickets: a board of what waits and who has it, a list of all, and each with its history and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, request
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.errors import shown as shown_value
from sentinel.models import Ticket
from sentinel.models.escalation import EscalationState
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries import clients
from sentinel.queries.tickets import Shown, TicketFilter
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import ticket_board, tickets
from sentinel.services.escalating import outlook
from sentinel.services.escalating.acting import SNOOZES_MINUTES
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acts, note_action, visitor
from sentinel.web.chosen_client import chosen_client
from sentinel.web.escalation_words import lines, meant_words, needs_somebody, next_words, target_words, wait_words
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import back_or, not_done, page
from sentinel.web.numbers import whole
from sentinel.web.paging import cursor, page_size, paged
from sentinel.web.words import seconds

HOW = "console"
UNRESOLVED = "unresolved"
STATUSES = (UNRESOLVED, *(status.value for status in TicketStatus))
MOST_AT_ONCE = 200
MOST_REASONS = 5
SNOOZES = [(minutes, seconds(minutes * 60)) for minutes in SNOOZES_MINUTES]

blueprint = Blueprint("tickets", __name__, url_prefix="/console/tickets")


@blueprint.context_processor
def _words() -> dict[str, Any]:
    """How escalations are said, for the templates of this screen."""
    return {
        "next_words": next_words,
        "needs_somebody": needs_somebody,
        "meant_words": meant_words,
        "target_words": target_words,
        "wait_words": wait_words,
    }


@blueprint.get("")
def index() -> Response:
    """Show the board."""
    return page("console/tickets/board.html", **_board())


@blueprint.get("/board")
def board() -> Response:
    """Show the columns of the board alone, for the page that keeps them fresh."""
    return page("console/tickets/_board.html", **_board())


def _board() -> dict[str, Any]:
    with unit_of_work() as uow:
        client = chosen_client(uow)
        found = ticket_board.board(uow, client.id)
    return {"client": client, "board": found, "severities": SEVERITIES}


@blueprint.get("/list")
def listed() -> Response:
    """Show all tickets, newest first."""
    return page("console/tickets/list.html", **_list())


@blueprint.get("/rows")
def rows() -> Response:
    """Show the rows of the list alone."""
    return page("console/tickets/_rows.html", **_list())


def _list() -> dict[str, Any]:
    with unit_of_work() as uow:
        client = chosen_client(uow)
        found, following = tickets.page(uow, _wanted(client.id), size=page_size())
        meant = outlook.next_told(uow, (shown.escalation for shown in found))
    known = {"client": client, "page": paged(found, following), "meant": meant}
    return known | {"severities": SEVERITIES, "statuses": STATUSES}


def _wanted(client_id: int | None) -> TicketFilter:
    status, severity = request.args.get("status", ""), request.args.get("severity", "")
    return TicketFilter(
        client_id=client_id,
        statuses=_statuses(status),
        severity=severity if severity in SEVERITIES else None,
        device_id=request.args.get("device", "").replace("\0", "").strip() or None,
        before=whole(cursor() or "") or None,
    )


def _statuses(word: str) -> tuple[str, ...]:
    if word == UNRESOLVED:
        return tuple(SOURCES[TicketStatus.RESOLVED])
    return (word,) if word in STATUSES else ()


@blueprint.get("/<int:ticket_id>")
def show(ticket_id: int) -> Response:
    """Show a ticket: what is known, what comes next, what happened, and what can be done."""
    return _ticket_page("console/tickets/show.html", 200, ticket_id)


@blueprint.get("/<int:ticket_id>/standing")
def standing(ticket_id: int) -> Response:
    """Show alone what changes of a ticket by itself."""
    return _ticket_page("console/tickets/_standing.html", 200, ticket_id)


@blueprint.get("/<int:ticket_id>/buttons")
def buttons(ticket_id: int) -> Response:
    """Show alone what can be done with a ticket now."""
    with unit_of_work() as uow:
        shown = _shown(uow, ticket_id)
    return page("console/tickets/_buttons.html", shown=shown, snoozes=SNOOZES, is_snoozed=_is_snoozed(shown))


def _ticket_page(template: str, status: int, ticket_id: int, **more: Any) -> Response:
    with unit_of_work() as uow:
        shown = _shown(uow, ticket_id)
        history = lines(tickets.timeline(uow, ticket_id, client_id=None))
        events = ticket_board.events_of(uow, shown.ticket)
        meant = outlook.next_told(uow, [shown.escalation])
    known = {"shown": shown, "ticket": shown.ticket, "history": history, "events": events, "note": "", "errors": {}}
    known |= {"meant": meant.get(ticket_id, ()), "snoozes": SNOOZES, "is_snoozed": _is_snoozed(shown)}
    return page(template, status, **known | more)


def _shown(uow: UnitOfWork, ticket_id: int) -> Shown:
    found = tickets.get(uow, ticket_id, client_id=None)
    return Shown(found, _owner(uow, found), tickets.escalation_of(uow, found))


def _owner(uow: UnitOfWork, ticket: Ticket) -> str:
    owner = clients.get(uow.session, ticket.client_id)
    return owner.name if owner else ""


def _is_snoozed(shown: Shown) -> bool:
    return shown.escalation is not None and shown.escalation.state == EscalationState.SNOOZED


@blueprint.post("/<int:ticket_id>/<string:verb>")
@acts("operator")
def act(ticket_id: int, verb: str) -> Response:
    """Do with a ticket what its button says, unless somebody else was there before."""
    if verb not in ACTIONS:
        raise NotFoundError(f"nobody can {verb} a ticket")
    by = By(_name(), HOW, text("note") or None)
    try:
        with unit_of_work() as uow:
            shown = _shown(uow, ticket_id)
            said = ACTIONS[verb](uow, ticket_id, by)
            note_action(uow, f"ticket.{verb}", f"ticket {ticket_id}", client=shown.client)
    except ConflictError as error:
        not_done(f"Nothing was done: {error}.")
        return back_or("console.tickets.show", ticket_id=ticket_id)
    except InvalidInputError as error:
        return _ticket_page("console/tickets/show.html", 422, ticket_id, errors=errors_of(error), note=text("note"))
    flash(f"Ticket {ticket_id} {said}.")
    return back_or("console.tickets.show", ticket_id=ticket_id)


def _acknowledge(uow: UnitOfWork, ticket_id: int, by: By) -> str:
    tickets.move(uow, ticket_id, TicketStatus.ACKNOWLEDGED, client_id=None, by=by)
    return "is yours: nobody else is told"


def _resolve(uow: UnitOfWork, ticket_id: int, by: By) -> str:
    tickets.move(uow, ticket_id, TicketStatus.RESOLVED, client_id=None, by=by)
    return "is resolved"


def _snooze(uow: UnitOfWork, ticket_id: int, by: By) -> str:
    given = text("minutes")
    if given not in map(str, SNOOZES_MINUTES):
        remedy = f"choose one of {', '.join(map(str, SNOOZES_MINUTES))}"
        raise InvalidInputError(FieldError("minutes", shown_value(given), "are no time to rest", remedy))
    tickets.snooze(uow, ticket_id, uow.now + timedelta(minutes=int(given)), client_id=None, by=by)
    return f"rests for {seconds(int(given) * 60)}"


def _wake(uow: UnitOfWork, ticket_id: int, by: By) -> str:
    tickets.wake(uow, ticket_id, client_id=None, by=by)
    return "is awake: its next step is told at once"


ACTIONS: dict[str, Callable[[UnitOfWork, int, By], str]] = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "snooze": _snooze,
    "wake": _wake,
}
"""What the buttons of a ticket do; each says what the ticket is then."""


@blueprint.post("/acknowledge")
@acts("operator")
def acknowledge_many() -> Response:
    """Take all tickets that were chosen; those that somebody else has taken meanwhile stay theirs."""
    given = request.form.getlist("ticket")[:MOST_AT_ONCE]
    wanted = {number for each in given if (number := whole(each))}
    if not wanted:
        not_done("Nothing was done: choose the tickets first.")
        return back_or("console.tickets.listed")
    with unit_of_work() as uow:
        found = ticket_board.acknowledge_many(uow, wanted, by=By(_name(), HOW))
        for each in found.tickets:
            note_action(uow, "ticket.acknowledge", f"ticket {each.id}", client=_owner(uow, each))
    if found.tickets:
        flash(f"{_counted(len(found.tickets))} yours: nobody else is told.")
    if found.refused:
        not_done(f"{_counted(len(found.refused))} as before: {'; '.join(found.refused[:MOST_REASONS])}.")
    return back_or("console.tickets.listed")


def _counted(amount: int) -> str:
    return "1 ticket is" if amount == 1 else f"{amount} tickets are"


def _name() -> str:
    person = visitor()
    return "" if person is None else person.name
