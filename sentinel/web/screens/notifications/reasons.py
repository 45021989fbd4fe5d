"""What a reason means to somebody who did not write this program, and what can be done about it."""

from __future__ import annotations

from sentinel.models.status import Reason

SUPPRESSED_ADDRESS = "The address is on the client's list of suppressions. Lift it there, if the person wants to hear."

MEANINGS: dict[str, str] = {
    Reason.DUPLICATE: "Another notification with the same dedupe key speaks for it.",
    Reason.RATE_LIMITED: "More were sent than the limit allows.",
    Reason.EXPIRED: "Its time had run out before it could be sent.",
    Reason.CLIENT_DISABLED: "The client is switched off.",
    Reason.NOT_CONFIGURED: "The channel has no provider. Set its credentials, then start it over.",
    Reason.NO_ENDPOINT: "The rule names no endpoint that is there and enabled.",
    Reason.SILENCED: "A silence held when its event came.",
    Reason.INHIBITED: "Another alert fires that says the same more plainly.",
    Reason.QUIET_HOURS: "The endpoint was in its quiet hours.",
    Reason.GROUPED: "It was told together with others, in one message.",
    Reason.OUTDATED: "What it says was no longer so when its group was told.",
    Reason.FLAPPING: "Its alert comes and goes too often to be told each time.",
    Reason.RESOLVED_OFF: "The receiver does not want to hear of ends.",
    Reason.ACKNOWLEDGED: "Somebody had acknowledged its ticket by then.",
    Reason.SNOOZED: "Its ticket was snoozed by then.",
    Reason.RESOLVED: "Its ticket was resolved by then.",
    Reason.ATTEMPTS_EXHAUSTED: "Every try failed, and no more are allowed.",
    Reason.AMBIGUOUS: "The provider may have sent it, and the client wants no second copy.",
    Reason.WORKER_LOST: "The worker vanished in the middle of a send.",
    Reason.ACCOUNT_PAUSED: "The provider's account rests: its breaker is open. No try is used up meanwhile.",
    Reason.RECEIVER_RESTS: "The receiver failed too often and is left alone for a while.",
    Reason.LIMITER_DOWN: "The server that counts limits does not answer.",
    Reason.RETRIED: "Somebody started it over.",
    Reason.FAILED_OVER: "It took too long, and another target took over.",
    Reason.OPTED_OUT: f"The recipient opted out. {SUPPRESSED_ADDRESS}",
    Reason.INVALID: f"The address does not exist. {SUPPRESSED_ADDRESS}",
    Reason.BOUNCED: f"Messages to it came back. {SUPPRESSED_ADDRESS}",
    Reason.COMPLAINT: f"The recipient complained. {SUPPRESSED_ADDRESS}",
    Reason.MANUAL: f"Somebody put the address there. {SUPPRESSED_ADDRESS}",
}
"""What our own reasons mean; those of providers say it themselves."""


def words(reason: str | None) -> str:
    """A reason as a phrase: `rate limited`."""
    return (reason or "").replace("_", " ").replace("http ", "HTTP ")


def meaning(reason: str | None) -> str:
    """What a reason of ours means; a provider's own stands for itself."""
    return MEANINGS.get(reason or "", "")
