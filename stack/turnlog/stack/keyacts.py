"""What is done to keys of pseudonyms, and that it is put on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from turnlog.processors.keys import KeyFile, KeyRing, TreeKey, new_key


class RecordAct(Protocol):
    """Puts an administrative act on the audit trail."""

    def __call__(
        self,
        action: str,
        resource: str,
        *,
        outcome: str,
        tenant: str | None = None,
        reason: str | None = None,
        data: Path | None = None,
    ) -> None:
        """Record it.

        Args:
            action: What is done: ``keys.rotate`` or ``keys.destroy``.
            resource: To what, such as ``pseudonym key epoch 3``.
            outcome: ``begun`` right before, and then ``done`` or ``failed``: an act that is begun and never ended was
                cut off, and must be looked at. What this raises before the act prevents it.
            tenant: Whose keys; None for all.
            reason: Why, in the words of whoever did it.
            data: The data directory of the stack on whose trail it goes; None for the one that is found.
        """


def rotate(file: KeyFile, now_ms: int, lead_ms: int, record_act: RecordAct, reason: str | None = None) -> KeyRing:
    """Add an epoch that begins a little later; returns the new ring.

    Args:
        file: The keys.
        now_ms: The time.
        lead_ms: How much later: every worker must have the file by then, and clocks may differ.
        record_act: Puts it on record.
        reason: Why.

    Raises:
        UserError: If an epoch waits for its time already, or the file can't be changed.
        TransientError: If a key service does not answer.
    """

    def rotated(ring: KeyRing) -> KeyRing:
        return ring.rotated(new_key(ring.epochs[-1].number + 1, file.service), now_ms, now_ms + lead_ms)

    def record(outcome: str) -> None:
        record_act("keys.rotate", "pseudonym keys", outcome=outcome, reason=reason)

    return _recorded(file, rotated, record)


def destroy(
    file: KeyFile,
    now_ms: int,
    record_act: RecordAct,
    *,
    tenant: str | None = None,
    epoch: int | None = None,
    reason: str | None = None,
) -> KeyRing:
    """Destroy an epoch's secret, a tenant's key in an epoch, or a tenant's keys in all epochs; returns the new ring.

    Args:
        file: The keys.
        now_ms: The time.
        record_act: Puts it on record.
        tenant: Whose.
        epoch: Which; one of the two must be given.
        reason: Why.

    Raises:
        UserError: If there is nothing to destroy or it is in use; see :class:`turnlog.processors.keys.KeyRing`.
        TransientError: If a key service does not answer.
    """

    def without(ring: KeyRing) -> KeyRing:
        if tenant is not None:
            return ring.without_tenant(tenant, now_ms, epoch)
        assert epoch is not None  # the caller has asked for one of the two
        return ring.without_epoch(epoch, now_ms)

    resource = "pseudonym keys" if epoch is None else f"pseudonym key epoch {epoch}"

    def record(outcome: str) -> None:
        record_act("keys.destroy", resource, outcome=outcome, tenant=tenant, reason=reason)

    return _recorded(file, without, record, shred=True)


def state(ring: KeyRing, number: int, now_ms: int, tenant: str | None = None) -> str:
    """Say in a word what an epoch's key is: in use, past, next, destroyed."""
    epoch = ring.epoch(number)
    gone = epoch.key is None or (isinstance(epoch.key, TreeKey) and epoch.key.share is None)
    if gone or (tenant is not None and epoch.key_of(tenant) is None):
        return "destroyed"
    if epoch.valid_from_ms > now_ms:
        return "next"
    return "in use" if epoch is ring.at(now_ms) else "past"


def moment(time_ms: int | None) -> str:
    """Write a time, or nothing; an epoch that begins at zero has always been, and an earlier one before it."""
    if time_ms is None:
        return ""
    if time_ms <= 0:
        return "always" if time_ms == 0 else "before"
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _recorded(
    file: KeyFile,
    edit: Callable[[KeyRing], KeyRing],
    record: Callable[[str], None],
    *,
    shred: bool = False,
) -> KeyRing:
    """Change the file, and say before and after that it is done."""
    began = False

    def with_record(ring: KeyRing) -> KeyRing:
        nonlocal began
        changed = edit(ring)
        record("begun")
        began = True
        return changed

    try:
        ring = file.change(with_record, shred=shred)
    except BaseException:
        if began:
            record("failed")
        raise
    record("done")
    return ring
