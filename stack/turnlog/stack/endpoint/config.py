"""What an endpoint is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnlog.stack.endpoint.errors import StartError

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients can take.

    Attributes:
        queries: statements at once; more are refused with TOO_MANY_SIMULTANEOUS_QUERIES.
        memory_bytes: of the engine; 0 leaves its own default, nine tenths of the machine's.
        buffer_bytes: of a result before its headers are sent, unless the request says otherwise.
        hold_seconds: how long a result smaller than that may wait for its statement's end.
    """

    queries: int = 64
    memory_bytes: int = 0
    buffer_bytes: int = _MIB
    hold_seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.queries < 1 or self.memory_bytes < 0 or self.buffer_bytes < 0 or self.hold_seconds < 0:
            raise StartError("limits must not be negative, and at least one query must be allowed")


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Where the engine's data is, and who may ask.

    Attributes:
        path: the engine's directory, made when it is missing.
        name: what X-ClickHouse-Server-Display-Name says.
        user: the only user.
        password: of that user; empty lets everyone in who can reach the port.
    """

    path: Path
    name: str = "turnlog"
    user: str = "default"
    password: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)

    def engine_options(self) -> dict[str, str]:
        """The engine's server settings: pools for a small machine, which shares it with Kafka and Python."""
        options = {
            "background_pool_size": "2",
            "background_common_pool_size": "2",
            "background_move_pool_size": "1",
            "background_fetches_pool_size": "1",
            "background_schedule_pool_size": "8",
            "background_message_broker_schedule_pool_size": "1",
            "background_distributed_schedule_pool_size": "1",
            "mark_cache_size": str(256 * _MIB),
            "max_thread_pool_size": "1000",
        }
        if self.limits.memory_bytes:
            options["max_server_memory_usage"] = str(self.limits.memory_bytes)
        return options
