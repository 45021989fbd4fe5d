"""Read, store, settle, until told to stop. Nothing is settled before it is committed: every entry is stored, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from sentinel import metrics, stopping
from sentinel.ingest.entries import DeadLetter, Intake, Source
from sentinel.ingest.outage import Patience, StoppedError
from sentinel.ingest.storing import ENTRIES, require_client, store
from sentinel.ingest.telling import Telling
from sentinel.logs import get_logger

log = get_logger(__name__)


def run(source: Source, intake: Intake) -> None:
    """Take in what `source` brings until this process is told to stop; what was read by then is stored first."""
    patience, telling = Patience(source.rest), Telling(source)
    try:
        with suppress(StoppedError):
            patience.until_done(partial(require_client, intake))
            log.info("ingest_ready", source=intake.source, group=source.group, client=intake.client)
            while not stopping.is_asked():
                take_turn(source, intake, patience)
                telling.tell_now_and_then()
    finally:
        source.close()
        telling.withdraw()
    log.info("ingest_stopped")


def take_turn(source: Source, intake: Intake, patience: Patience) -> int:
    """Take in what there is now, up to one batch; returns how many entries that was."""
    entries = patience.until_done(source.read)
    if entries:
        dead = patience.until_done(partial(store, entries, intake))
        patience.until_done(partial(source.settle, entries, dead))
        _tell(dead, intake)
    return len(entries)


def _tell(dead: Sequence[DeadLetter], intake: Intake) -> None:
    if not dead:
        return
    log.warning("entries_dead", count=len(dead), first=dead[0].entry.id, why=dead[0].reason)
    for stream, amount in Counter(each.entry.stream for each in dead).items():
        metrics.count(ENTRIES, amount, source=intake.source, stream=stream, result="dead")
