"""`/templates`: how a client's messages are worded."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.fields import RemovalQuery
from sentinel.api.schemas.template import (
    PreviewRequest,
    PreviewView,
    StoredPreviewRequest,
    TemplateListQuery,
    TemplateReplacement,
    TemplateRequest,
    TemplateView,
)
from sentinel.models import Template
from sentinel.queries.templates import Filter
from sentinel.rendering import Content, Wording
from sentinel.services import templates
from sentinel.services.templates import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "templates:read", "templates:write"

TEMPLATE_ID = {
    "in": "path",
    "name": "template_id",
    "schema": {"type": "integer"},
    "description": "`id` of a template",
}

ANY_CHANNEL = "email"
"""What a template for all channels is shown as, unless told otherwise."""

VIEW_NAMES = tuple(name for name in TemplateView().fields if name != "client")

blueprint = StrictBlueprint("templates", __name__, url_prefix="/templates", description="How messages are worded")
blueprint.before_request(require_credentials)


def view(template: Template, client: str) -> dict[str, Any]:
    """Show a template as `TemplateView` has it."""
    return {name: getattr(template, name) for name in VIEW_NAMES} | {"client": client}


def _preview(channel: str, content: Content) -> Response:
    return json_response({"channel": channel, "subject": content.subject, "body": content.body})


@blueprint.route("")
class TemplateList(MethodView):
    """The templates of a client."""

    @blueprint.arguments(TemplateRequest())
    @blueprint.response(201, TemplateView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Make a template. What is wrong with it is told with its line."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = templates.create(uow, caller.client_id, body)
        response = json_response(view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("templates.TemplateItem", template_id=made.id)
        return response

    @blueprint.arguments(TemplateListQuery(), location="query")
    @blueprint.response(200, TemplateView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List templates in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            wanted = Filter(caller.client_id, query.get("name"), query.get("channel"), after=query.get("cursor", 0))
            rows, following = templates.page(uow, wanted, size=query["limit"])
        return paged([view(row, caller.client_name) for row in rows], size=query["limit"], following=following)


@blueprint.route("/preview")
class TemplateTrial(MethodView):
    """A wording that is not stored."""

    @blueprint.arguments(PreviewRequest())
    @blueprint.response(200, PreviewView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Show what a wording makes of an event; without a body, what the built-in wording does."""
        wording = Wording(body.get("subject"), body["body"]) if body.get("body") else None
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            content = templates.preview(uow, caller.client_name, body["channel"], wording, body.get("event"))
        return _preview(body["channel"], content)


@blueprint.route("/<int:template_id>", parameters=[TEMPLATE_ID])
class TemplateItem(MethodView):
    """One template."""

    @blueprint.response(200, TemplateView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, template_id: int) -> Response:
        """Show a template."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = templates.get(uow, template_id, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(TemplateReplacement())
    @blueprint.response(200, TemplateView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: tuple[Written, int], template_id: int) -> Response:
        """Replace a template. 409 if it has changed since `version` was read."""
        written, version = body
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            changed = templates.replace(uow, caller.client_id, template_id, written, version=version)
        return json_response(view(changed, caller.client_name))

    @blueprint.arguments(RemovalQuery(), location="query")
    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 409, 422, 503)
    def delete(self, query: dict[str, Any], template_id: int) -> Response:
        """Remove a template; 409 while enabled rules or endpoints name it, unless `force` is true."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            templates.delete(uow, caller.client_id, template_id, force=query["force"])
        return Response(status=204)


@blueprint.route("/<int:template_id>/preview", parameters=[TEMPLATE_ID])
class TemplatePreview(MethodView):
    """What it says."""

    @blueprint.arguments(StoredPreviewRequest())
    @blueprint.response(200, PreviewView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any], template_id: int) -> Response:
        """Show what a template makes of an event; without an event, of an example."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = templates.get(uow, template_id, client_id=caller.client_id)
            channel = body.get("channel") or found.channel or ANY_CHANNEL
            wording = Wording(found.subject, found.body)
            content = templates.preview(uow, caller.client_name, channel, wording, body.get("event"))
        return _preview(channel, content)
