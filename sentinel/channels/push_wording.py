"""apprise words a message as the service wants it; here it is written down, and our own transport sends it.

So what apprise cannot tell (the status, the wait that is asked for, whether a request that got no answer had begun) is
known as it is of every other provider, and no name leads where it must not (decision 175).
"""

from __future__ import annotations

import importlib
import logging
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import requests
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType, OverflowMode

from sentinel.channels.base import Message
from sentinel.channels.http import Request
from sentinel.channels.push_markup import told
from sentinel.channels.push_services import BY_SCHEME, Service

_TYPES = {"critical": NotifyType.FAILURE, "high": NotifyType.FAILURE, "medium": NotifyType.WARNING}

_ASSET = AppriseAsset(
    app_id="Sentinel",
    app_desc="Sentinel",
    app_url="",
    image_url_mask="",  # services would fetch a picture from apprise's page
    image_url_logo="",
    async_mode=False,  # nothing of it waits for anybody, so it needs no threads
    service_timeout=0,
    storage_mode="memory",
)

_taken: ContextVar[list[Request]] = ContextVar("taken")


class _Scribe:
    """Stands where a plugin looks for the library `requests`: takes down what it would send, and says it went well."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        """Take down one request."""
        names = ("params", "data", "json", "headers", "auth", "files")
        parts = {name: given[name] for name in names if name in given}
        _taken.get().append(_written(requests.Request(method, url, **parts).prepare()))
        return _accepted()

    def post(self, url: str, data: Any = None, json: Any = None, **given: Any) -> requests.Response:
        """Take down what is posted."""
        return self.request("POST", url, data=data, json=json, **given)


_scribe = _Scribe()


def worded(message: Message) -> list[Request]:
    """The requests that bring this message to its target, a long text in pieces; none where apprise refuses it."""
    service = BY_SCHEME[message.recipient.partition("://")[0]]
    receiver = _receiver(service, message.recipient)
    if receiver is None:
        return []
    title, body = told(service.scheme, message)
    taken: list[Request] = []
    before = _taken.set(taken)
    try:
        sender = Apprise(asset=_ASSET)
        sender.add(receiver)
        is_worded = sender.notify(
            body=body,
            title=title,
            notify_type=_TYPES.get((message.severity or "").lower(), NotifyType.INFO),
            body_format=NotifyFormat.TEXT,
        )
    finally:
        _taken.reset(before)
    if not is_worded:
        return []
    return [_calling_nobody(each) for each in taken] if service.scheme == "discord" else taken


def _receiver(service: Service, target: str) -> NotifyBase | None:
    """What sends to one target, as apprise has it; None when it does not understand the target."""
    plugin = _plugin(service)
    parts = plugin.parse_url(target)
    try:
        receiver: NotifyBase | None = plugin(asset=_ASSET, **parts) if parts else None
    except TypeError:  # what it says to a target with a flaw
        return None
    if receiver is not None:
        receiver.overflow_mode = OverflowMode.SPLIT
        receiver.request_rate_per_sec = 0.0  # it would sleep between pieces; our limits pace
    return receiver


@cache
def _plugin(service: Service) -> Any:
    """The class of apprise for this service, without the hundred others; its requests come to the scribe."""
    module_name, class_name = service.plugin
    module = importlib.import_module(f"apprise.plugins.{module_name}")
    module.requests = _scribe  # type: ignore[attr-defined] # no plugin lets itself be given another client
    return getattr(module, class_name)


def _written(request: Any) -> Request:
    body = request.body or b""
    headers = {str(name): str(value) for name, value in request.headers.items()}
    return Request(request.method, request.url, headers, body.encode() if isinstance(body, str) else body)


def _calling_nobody(request: Request) -> Request:
    """What Discord asks to be told, so that it looks for no mentions in a text; apprise has no option for it."""
    body = orjson.dumps(orjson.loads(request.body) | {"allowed_mentions": {"parse": []}})
    return replace(request, headers={**request.headers, "Content-Length": str(len(body))}, body=body)


def _accepted() -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response._content = b"{}"  # noqa: SLF001 # a response that was never received has no other way in
    return response


logging.getLogger("apprise").disabled = True
"""It writes targets, with their tokens, and texts; what became of a message is in our own records."""
