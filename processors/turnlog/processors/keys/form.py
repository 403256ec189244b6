"""A key ring as text: what a key file, or the environment, holds."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from turnlog.processors.keys.ring import Epoch, EpochKey, KeyRing, MasterKey, TreeKey
from turnlog.processors.keys.service import KeyService, unwrapped, wrapped
from turnlog.processors.keys.tree import DEPTH, SEED_BYTES, Tree
from turnlog.schemas import SettingError

FORMAT = "turnlog keys 1"
MASTER_LENGTH = 32
"""Characters that a master key must have."""


def new_key(epoch: int, service: KeyService | None = None) -> TreeKey:
    """Return a random secret for an epoch.

    Args:
        epoch: Its number.
        service: Keeps half of it, where there is one.

    Raises:
        TransientError: If the service does not answer.
    """
    tree = Tree({"": secrets.token_bytes(SEED_BYTES)})
    if service is None:
        return TreeKey(tree)
    share = secrets.token_bytes(SEED_BYTES)
    return TreeKey(tree, share, wrapped(service, share, epoch))


def new_ring(service: KeyService | None = None) -> KeyRing:
    """Return a ring of one epoch with a random secret.

    Raises:
        TransientError: If the service does not answer.
    """
    return KeyRing((Epoch(1, 0, new_key(1, service)),))


def parse(text: str, epoch: int = 1, service: KeyService | None = None) -> KeyRing:
    """Return the ring that a text holds: a ring written by :func:`dump`, or a master key as it stands.

    Args:
        text: The text. What it says is never part of an error.
        epoch: The number of a master key's epoch.
        service: Unwraps halves of keys.

    Raises:
        SettingError: If it is neither, or a service is needed.
        TransientError: If the service does not answer.
    """
    text = text.strip()
    if not text.startswith("{"):
        if len(text) < MASTER_LENGTH:
            raise SettingError(f"the key for pseudonyms has {len(text)} characters and needs {MASTER_LENGTH} or more")
        if not text.isprintable():
            # Such as a file that is being written over.
            raise SettingError("the key for pseudonyms has characters that can't be printed")
        return KeyRing.of_master(text.encode(), epoch)
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise SettingError(f"the key ring is of a form that this version does not know; it reads {FORMAT!r}")
        return KeyRing(tuple(_epoch(each, service) for each in value["epochs"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Neither chained nor quoted: a traceback would show keys.
        raise SettingError("the key ring is not whole: restore the file from where it was kept") from None


def dump(ring: KeyRing) -> str:
    """Return a ring as text; it holds all its secrets but those that a service keeps."""
    return json.dumps({"format": FORMAT, "epochs": [_written(each) for each in ring.epochs]}, indent=1) + "\n"


def _epoch(value: Mapping[str, Any], service: KeyService | None) -> Epoch:
    number = int(value["epoch"])
    return Epoch(
        number,
        int(value["valid_from_ms"]),
        _key(value, number, service),
        value.get("destroyed_ms"),
        {str(tenant): int(time_ms) for tenant, time_ms in value.get("tenants_destroyed_ms", {}).items()},
    )


def _key(value: Mapping[str, Any], number: int, service: KeyService | None) -> EpochKey | None:
    if value.get("destroyed_ms") is not None:
        return None
    if "master" in value:
        return MasterKey(str(value["master"]).encode(), number)
    tree = Tree({_path(path): _seed(seed) for path, seed in value["seeds"].items()})
    if "share" not in value:
        return TreeKey(tree)
    if service is None:
        raise SettingError(f"half of the key of epoch {number} is kept by a service: set TURNLOG_PSEUDONYM_KMS")
    kept = base64.b64decode(value["share"], validate=True)
    return TreeKey(tree, unwrapped(service, kept, number), kept)


def _path(path: str) -> str:
    if len(path) > DEPTH or set(path) - {"0", "1"}:
        raise ValueError("no path")
    return path


def _seed(text: str) -> bytes:
    seed = bytes.fromhex(text)
    if len(seed) != SEED_BYTES:
        raise ValueError("no seed")
    return seed


def _written(epoch: Epoch) -> dict[str, Any]:
    value: dict[str, Any] = {"epoch": epoch.number, "valid_from_ms": epoch.valid_from_ms}
    if isinstance(epoch.key, MasterKey):
        value["master"] = epoch.key.master.decode()
    elif isinstance(epoch.key, TreeKey):
        value["seeds"] = {path: seed.hex() for path, seed in epoch.key.tree.seeds.items()}
        if epoch.key.wrapped:
            value["share"] = base64.b64encode(epoch.key.wrapped).decode()
    if epoch.tenants_destroyed_ms:
        value["tenants_destroyed_ms"] = dict(epoch.tenants_destroyed_ms)
    if epoch.destroyed_ms is not None:
        value["destroyed_ms"] = epoch.destroyed_ms
    return value
