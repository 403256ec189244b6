"""Names and types of a client's arguments."""

from __future__ import annotations

from typing import TypedDict

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.outputs import Output
from turnlog.producers.delivery.transport import Connect
from turnlog.producers.ids import Ids
from turnlog.producers.limits import Limits
from turnlog.producers.sampling import Sampling
from turnlog.producers.spool import Spool
from turnlog.producers.texts.content import Contents
from turnlog.producers.texts.policy import Mask
from turnlog.schemas import KafkaConnection


class ClientArguments(TypedDict, total=False):
    """What a client may be told whatever the environment and a file say; see :class:`turnlog.producers.Client`."""

    service: str
    tenant: str
    environment: str
    service_version: str | None
    service_instance: str | None
    connection: KafkaConnection | None
    output: Output
    limits: Limits | None
    sampling: Sampling | None
    content: Contents | None
    mask: Mask | None
    spool: Spool | None
    connect: Connect | None
    clock: Clock | None
    ids: Ids | None
