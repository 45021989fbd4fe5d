"""Slack's answers: the error words of `chat.postMessage`, and what incoming webhooks say."""

from __future__ import annotations

from dataclasses import replace

from sentinel.channels.base import Outcome
from sentinel.channels.http import Reply
from sentinel.channels.outcomes import UNSURE, Ruling, by_status

METHOD_PAGE = "https://docs.slack.dev/reference/methods/chat.postMessage"
WEBHOOK_PAGE = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"

_TOKEN = "Set SLACK_BOT_TOKEN to the bot token (xoxb-…) of an app that is installed in the workspace."  # noqa: S105
_SCOPE = "Give the Slack app the scope chat:write and install it again."
_WORKSPACE = "Ask the workspace's owners: their policy keeps this app from posting."
_INVITE = "Invite the app to the channel with /invite, or give it the scope chat:write.public."
_CHANNEL = "Check the name; the app sees private channels only when it is invited. Better than a name is the id."
_ARCHIVED = "Unarchive the channel, or choose another."
_LONG = "Shorten the message: Slack takes 40,000 characters."
_REQUEST = "Slack refuses the request; see its own words."
_SLOWER = "Lower the rate with SENTINEL_LIMITS (scope `endpoint`): Slack takes about one message a second per channel."
_WEBHOOK = "Make a new incoming webhook in Slack and store its URL: this one is gone."
_RESTRICTED = "Slack does not let this webhook post there; ask the workspace's owners."


def _here(outcome: Outcome, reason: str, hint: str | None = None) -> Ruling:
    """A ruling about one channel or one webhook: the others go on."""
    return Ruling(outcome, reason, hint, is_account_wide=False)


ERRORS: dict[str, Ruling] = {
    # --- certainly not processed, or perhaps ------------------------------------------------------------------------
    "ratelimited": _here(Outcome.RETRY, "rate_limited", _SLOWER),
    "rate_limited": _here(Outcome.RETRY, "rate_limited", _SLOWER),
    "request_timeout": Ruling(Outcome.RETRY, "request_cut_off"),
    "service_unavailable": Ruling(Outcome.RETRY, "unavailable"),
    "team_added_to_org": Ruling(Outcome.RETRY, "workspace_moves"),
    "fatal_error": Ruling(Outcome.AMBIGUOUS, "server_error", UNSURE),
    "internal_error": Ruling(Outcome.AMBIGUOUS, "server_error", UNSURE),
    # --- this channel or person cannot be reached -------------------------------------------------------------------
    "cannot_dm_bot": _here(Outcome.RECIPIENT, "is_a_bot", "Bots cannot be written to; choose a person or a channel."),
    "channel_not_found": _here(Outcome.RECIPIENT, "channel_not_found", _CHANNEL),
    "is_archived": _here(Outcome.RECIPIENT, "channel_archived", _ARCHIVED),
    "messages_tab_disabled": _here(Outcome.RECIPIENT, "messages_disabled", "Enable the app's Messages tab in Slack."),
    "not_in_channel": _here(Outcome.RECIPIENT, "not_in_channel", _INVITE),
    "restricted_action_read_only_channel": _here(Outcome.RECIPIENT, "read_only_channel", _WORKSPACE),
    "restricted_action_thread_only_channel": _here(Outcome.RECIPIENT, "thread_only_channel", _WORKSPACE),
    "user_not_found": _here(Outcome.RECIPIENT, "user_not_found", "Check the person's id."),
    # --- this content can never be sent -----------------------------------------------------------------------------
    "attachment_payload_limit_exceeded": _here(Outcome.MESSAGE, "too_long", _LONG),
    "invalid_arguments": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "invalid_attachments": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "invalid_json": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "invalid_metadata_format": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "msg_too_long": _here(Outcome.MESSAGE, "too_long", _LONG),
    "no_text": _here(Outcome.MESSAGE, "empty_body", "Give the message a text."),
    "too_many_attachments": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    # --- our token or app is wrong ----------------------------------------------------------------------------------
    "access_denied": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "accesslimited": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "account_inactive": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "deprecated_endpoint": Ruling(Outcome.CONFIG, "not_found", "Check SLACK_API_BASE_URL."),
    "ekm_access_denied": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "enterprise_is_restricted": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "invalid_auth": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "method_deprecated": Ruling(Outcome.CONFIG, "not_found", "Check SLACK_API_BASE_URL."),
    "missing_scope": Ruling(Outcome.CONFIG, "missing_scope", _SCOPE),
    "not_allowed_token_type": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "not_authed": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "org_login_required": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "team_access_not_granted": Ruling(Outcome.CONFIG, "access_denied", _WORKSPACE),
    "token_expired": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "token_revoked": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "two_factor_setup_required": Ruling(Outcome.CONFIG, "unauthorized", _TOKEN),
    "unknown_method": Ruling(Outcome.CONFIG, "not_found", "Check SLACK_API_BASE_URL."),
    # These two hold for one channel.
    "no_permission": _here(Outcome.CONFIG, "no_permission", _INVITE),
    "restricted_action": _here(Outcome.CONFIG, "restricted_action", _WORKSPACE),
    # --- a limit of the workspace is used up ------------------------------------------------------------------------
    "message_limit_exceeded": Ruling(Outcome.QUOTA, "message_limit", "The workspace sends too many messages; wait."),
}
"""The word in `error` of an answer with `ok: false`."""

WEBHOOK_ANSWERS: dict[str, Ruling] = {
    "action_prohibited": _here(Outcome.CONFIG, "restricted_action", _RESTRICTED),
    "channel_is_archived": _here(Outcome.RECIPIENT, "channel_archived", _ARCHIVED),
    "channel_not_found": _here(Outcome.RECIPIENT, "channel_not_found", _WEBHOOK),
    "invalid_blocks": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "invalid_payload": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "invalid_token": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "missing_text_or_fallback_or_attachments": _here(Outcome.MESSAGE, "empty_body", "Give the message a text."),
    "no_active_hooks": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "no_service": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "no_service_id": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "no_team": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "no_text": _here(Outcome.MESSAGE, "empty_body", "Give the message a text."),
    "posting_to_general_channel_denied": _here(Outcome.CONFIG, "restricted_action", _RESTRICTED),
    "rate_limited": _here(Outcome.RETRY, "rate_limited", _SLOWER),
    "rollup_error": _here(Outcome.AMBIGUOUS, "server_error", UNSURE),
    "team_disabled": _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    "too_many_attachments": _here(Outcome.MESSAGE, "invalid_request", _REQUEST),
    "user_not_found": _here(Outcome.RECIPIENT, "user_not_found", _WEBHOOK),
}
"""The text that is the whole body of an incoming webhook's answer."""

_WEBHOOK_STATUSES: dict[int, Ruling] = {
    401: _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    403: _here(Outcome.RECIPIENT, "forbidden", _RESTRICTED),
    404: _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
    410: _here(Outcome.RECIPIENT, "endpoint_gone", _WEBHOOK),
}
_OK, _TOO_MANY = 200, 429
_OTHER_ERROR = _here(Outcome.MESSAGE, "refused", _REQUEST)

TOKEN_MISSING = _here(
    Outcome.CONFIG,
    "token_missing",
    "Set SLACK_BOT_TOKEN to post to channels and people, or use an incoming webhook's URL.",
)
UNREADABLE = Ruling(
    Outcome.AMBIGUOUS,
    "unreadable_answer",
    "This is not how Slack answers; check SLACK_API_BASE_URL and any proxy in between.",
)


def ruling_for(reply: Reply, error: str | None) -> Ruling:
    """The ruling for an answer of `chat.postMessage` that is no acceptance; `error` is its word, if it has one."""
    if error in ERRORS:
        return ERRORS[error]
    if reply.status == _OK:  # it says nothing at Slack; without a word there is no telling what became of the message
        return _OTHER_ERROR if error else UNREADABLE
    ruling = by_status(reply)
    return replace(ruling, is_account_wide=False) if reply.status == _TOO_MANY else ruling


def webhook_ruling_for(reply: Reply) -> Ruling:
    """The ruling for an incoming webhook's answer that is no acceptance; it never speaks of other webhooks."""
    word = str(reply.json_object().get("error") or reply.text.strip())
    known = WEBHOOK_ANSWERS.get(word) or _WEBHOOK_STATUSES.get(reply.status)
    return known or replace(by_status(reply), is_account_wide=False)
