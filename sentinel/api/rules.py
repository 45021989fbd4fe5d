"""`/rules`: which events matter, and what follows."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response, request, url_for
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.field_errors import field_errors
from sentinel.api.paging import PAGE_HEADERS, paged
from sentinel.api.parsing import StrictBlueprint, read_json
from sentinel.api.schemas.rule import (
    PackAnswer,
    ReplayOptions,
    ReplayRequest,
    ReplayView,
    RuleListQuery,
    RuleOpinion,
    RuleReplacement,
    RuleRequest,
    RuleSwitch,
    RuleTextRequest,
    RuleVersionView,
    RuleView,
    TrialRequest,
    TrialView,
)
from sentinel.errors import InvalidInputError
from sentinel.models import Rule, RuleVersion
from sentinel.queries.rules import Filter
from sentinel.rules import advice
from sentinel.rules.packs import PACKS
from sentinel.rules.printer import rule_text
from sentinel.services.ruling import bar_chart, replay, rule_texts, rule_trial, rules
from sentinel.services.ruling.rule_trial import Trial
from sentinel.services.ruling.rules import Written
from sentinel.services.unit_of_work import unit_of_work

READ, WRITE = "rules:read", "rules:write"
READ_EVENTS = "events:read"
SVG = "image/svg+xml"
CHART = {200: {"content": {SVG: {"schema": {"type": "string"}}}}}

RULE_ID = {"in": "path", "name": "rule_id", "schema": {"type": "integer"}, "description": "`id` of a rule"}

PACK = {
    "in": "path",
    "name": "pack",
    "schema": {"type": "string", "enum": list(PACKS)},
    "description": "name of the pack",
}

blueprint = StrictBlueprint(
    "rules", __name__, url_prefix="/rules", description="Which events matter, and what follows from them"
)
blueprint.before_request(require_credentials)


def view(rule: Rule, client: str) -> dict[str, Any]:
    """Show a rule as `RuleView` has it."""
    syntax = rules.syntax_of(rule)
    return {
        "id": rule.id,
        "client": client,
        "name": rule.name,
        "version": rule.version,
        "is_enabled": rule.is_enabled,
        "rule": rule.text,
        "canonical": rule_text(syntax),
        "index": advice.placement(syntax.condition),
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
    }


def version_view(change: RuleVersion) -> dict[str, Any]:
    """Show a change as `RuleVersionView` has it."""
    names = ("version", "change", "name", "is_enabled", "changed_by", "changed_at")
    return {name: getattr(change, name) for name in names} | {"rule": change.text}


@blueprint.route("")
class RuleList(MethodView):
    """The rules of a client."""

    @blueprint.arguments(RuleRequest())
    @blueprint.response(201, RuleView, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: Written) -> Response:
        """Make a rule: in the rule language, or by severity, source and name of alerts.

        Every worker asks it from the next events on. An error in the text is told with its line and column.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made = rules.create(uow, caller, body)
        response = json_response(view(made, caller.client_name), 201)
        response.headers["Location"] = url_for("rules.RuleItem", rule_id=made.id)
        return response

    @blueprint.arguments(RuleListQuery(), location="query")
    @blueprint.response(200, RuleView(many=True), headers=PAGE_HEADERS)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """List rules in the order they were made.

        `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
        """
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            names = {"name": "name", "is_enabled": "is_enabled", "part": "q", "after": "cursor"}
            wanted = Filter(caller.client_id, **{field: query.get(name) for field, name in names.items()})
            rows, following = rules.page(uow, wanted, size=query["limit"])
        return paged([view(row, caller.client_name) for row in rows], size=query["limit"], following=following)


@blueprint.route("/<int:rule_id>", parameters=[RULE_ID])
class RuleItem(MethodView):
    """One rule."""

    @blueprint.response(200, RuleView)
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, rule_id: int) -> Response:
        """Show a rule."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = rules.get(uow, rule_id, client_id=caller.client_id)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(RuleReplacement())
    @blueprint.response(200, RuleView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def put(self, body: tuple[Written, int], rule_id: int) -> Response:
        """Replace a rule. 409 if it has changed since `version` was read; nothing is written when nothing differs."""
        written, version = body
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            found = rules.replace(uow, caller, rule_id, written, version=version)
        return json_response(view(found, caller.client_name))

    @blueprint.arguments(RuleSwitch())
    @blueprint.response(200, RuleView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def patch(self, body: dict[str, Any], rule_id: int) -> Response:
        """Enable or disable a rule; with `version`, only if it has not changed since."""
        return _switched(rule_id, **body)

    @blueprint.response(204)
    @blueprint.refuses(401, 403, 404, 503)
    def delete(self, rule_id: int) -> Response:
        """Delete a rule, with the endpoints that belong to it. Its history stays."""
        with unit_of_work() as uow:
            rules.delete(uow, current_caller(uow, WRITE), rule_id)
        return Response(status=204)


def _switched(rule_id: int, *, is_enabled: bool, version: int | None = None) -> Response:
    with unit_of_work() as uow:
        caller = current_caller(uow, WRITE)
        found = rules.switch(uow, caller, rule_id, is_enabled=is_enabled, version=version)
    return json_response(view(found, caller.client_name))


@blueprint.route("/<int:rule_id>/enable", parameters=[RULE_ID])
class RuleEnabling(MethodView):
    """On."""

    @blueprint.response(200, RuleView)
    @blueprint.refuses(401, 403, 404, 409, 415, 422, 503)
    def post(self, rule_id: int) -> Response:
        """Enable a rule."""
        return _switched(rule_id, is_enabled=True)


@blueprint.route("/<int:rule_id>/disable", parameters=[RULE_ID])
class RuleDisabling(MethodView):
    """Off."""

    @blueprint.response(200, RuleView)
    @blueprint.refuses(401, 403, 404, 409, 415, 503)
    def post(self, rule_id: int) -> Response:
        """Disable a rule: events do not ask it any more."""
        return _switched(rule_id, is_enabled=False)


@blueprint.route("/<int:rule_id>/history", parameters=[RULE_ID])
class RuleHistory(MethodView):
    """Who did what."""

    @blueprint.response(200, RuleVersionView(many=True))
    @blueprint.refuses(401, 403, 404, 503)
    def get(self, rule_id: int) -> Response:
        """Tell who changed a rule, when, and what it was from then on; newest first. Also of deleted rules."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            found = rules.history(uow, rule_id, client_id=caller.client_id)
        return json_response([version_view(each) for each in found])


@blueprint.route("/validate")
class RuleValidation(MethodView):
    """Whether it would be accepted."""

    @blueprint.arguments(RuleTextRequest())
    @blueprint.response(200, RuleOpinion)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, str]) -> Response:
        """Check a rule without storing it: 422 with the place of the error, or how it is understood."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            checked = rule_texts.check(uow, caller.client_id, body["rule"])
        return json_response(advice.opinion(checked.syntax))


@blueprint.route("/packs/<string:pack>", parameters=[PACK])
class RulePack(MethodView):
    """Shipped rules."""

    @blueprint.response(200, PackAnswer)
    @blueprint.refuses(401, 403, 404, 409, 415, 422, 503)
    def post(self, pack: str) -> Response:
        """Copy a shipped pack (`device_health`) into the client's rules, to be edited; names that are there stay."""
        with unit_of_work() as uow:
            caller = current_caller(uow, WRITE)
            made, kept = rules.install(uow, caller, pack)
        return json_response({"installed": [view(each, caller.client_name) for each in made], "kept": kept})


@blueprint.route("/test")
class RuleTrial(MethodView):
    """A rule and an event."""

    @blueprint.arguments(TrialRequest())
    @blueprint.response(200, TrialView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    def post(self, body: dict[str, Any]) -> Response:
        """Try a rule on an event: does it match, or which condition fails; what would be sent. Nothing is stored."""
        with unit_of_work() as uow:
            caller = current_caller(uow, READ)
            rule = rule_trial.meant(uow, caller, body["rule"])
            trial = rule_trial.test(uow, caller, rule, body["event"])
        return json_response(trial_view(trial))


def trial_view(trial: Trial) -> dict[str, Any]:
    """Show a trial as `TrialView` has it."""
    names = ("severity", "title", "merge_key", "policy")
    return {
        **trial.explanation.as_dict(),
        "needs": trial.needs,
        "severity": trial.severity,
        "messages": trial.messages,
        "tickets": [{name: getattr(each, name) for name in names} for each in trial.tickets],
        "resolves": [each.merge_key for each in trial.ends],
    }


@blueprint.route("/replay")
class TextReplay(MethodView):
    """A rule and the past."""

    @blueprint.arguments(ReplayRequest())
    @blueprint.response(200, ReplayView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    @blueprint.doc(responses=CHART)
    def post(self, body: dict[str, Any]) -> Response:
        """Run a rule that need not be stored over the events of the last hours: how often, when, to whom.

        With `Accept: image/svg+xml` the answer is a bar chart by hour.
        """
        return _replayed(**body)


@blueprint.route("/<int:rule_id>/replay", parameters=[RULE_ID])
class RuleReplay(MethodView):
    """A stored rule and the past."""

    @blueprint.response(200, ReplayView)
    @blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 503)
    @blueprint.doc(responses=CHART, requestBody={"content": {"application/json": {"schema": ReplayOptions}}})
    def post(self, rule_id: int) -> Response:
        """Run a rule over the events of the last hours: how often, when, to whom. Nothing is sent.

        The body may be left out. With `Accept: image/svg+xml` the answer is a bar chart by hour.
        """
        return _replayed(rule_id, **_replay_options())


def _replay_options() -> dict[str, int]:
    schema, body = ReplayOptions(), read_json() if request.get_data(cache=True) else {}
    try:
        options: dict[str, int] = schema.load(body)
    except ma.ValidationError as error:
        raise InvalidInputError(*field_errors(error.messages, schema, body)) from None
    return options


def _replayed(rule: str | int, *, hours: int, limit: int) -> Response:
    with unit_of_work() as uow:
        caller = current_caller(uow, READ)
        caller.require(READ_EVENTS)
        tried = rule_trial.meant(uow, caller, rule)
        found = replay.replay(uow, tried, hours=hours, most=limit)
    if request.accept_mimetypes.best_match(["application/json", SVG]) == SVG:
        return Response(bar_chart.by_hour(tried.name, found.hours), content_type=SVG)
    return json_response(found)
