"""What a template makes of an event, as its channel would send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import make_response
from werkzeug.wrappers import Response

from sentinel.errors import InvalidInputError, NotFoundError
from sentinel.services import previews
from sentinel.services.access import clients
from sentinel.services.previews import Preview
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import asks, caller_for
from sentinel.web.forms import errors_of
from sentinel.web.screens.templates import form

# A mail's page is styled on its elements, as mail programs want it; so it is a document of its own, in a frame that
# may do nothing, and not a part of ours (docs/decisions/194-mails-are-shown-in-a-frame.md).
MAIL_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
NO_PAGE = "<!DOCTYPE html><title>No page</title>"


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview, or why there is none."""

    preview: Preview | None
    errors: dict[str, str]


@asks
def mail() -> Response:
    """Answer with the page of a mail, for the frame of the preview."""
    values = form.values_sent() | {"channel": "email"}
    with unit_of_work() as uow:
        found = shown_of(uow, values).preview
    response = make_response(found.page if found and found.page else NO_PAGE, HTTPStatus.OK)
    response.headers.update(MAIL_HEADERS)
    return response


def shown_of(uow: UnitOfWork, values: Mapping[str, str]) -> Shown:
    """Word the form's event as the form says, or tell what is wrong with it."""
    try:
        client_id = caller_for(uow, values["client"]).client_id
        client = clients.get(uow, client_id).name
        event = form.event_of(uow, values, client_id)
        wording = form.wording_of(values)
        return Shown(previews.of_wording(uow, client, form.shown_channel(values), wording, event), {})
    except InvalidInputError as error:
        return Shown(None, errors_of(error))
    except NotFoundError as error:
        return Shown(None, {"client": str(error)})
