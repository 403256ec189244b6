"""The Faust application: one group of workers that all run the same agents."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from turnlog.schemas import PROCESSORS, require

require("turnlog.processors.app", "processors", "faust")

import faust  # noqa: E402 - after the check
from faust import Stream  # noqa: E402 - same
from mode import CrashingSupervisor  # noqa: E402 - same

from turnlog.processors.batch import Batch  # noqa: E402 - same
from turnlog.processors.credentials import faust_credentials  # noqa: E402 - same
from turnlog.processors.settings import ProcessorSettings  # noqa: E402 - same
from turnlog.processors.transport import BatchConsumer, BatchTransport  # noqa: E402 - same


class ProcessorApp(faust.App):
    """A Faust app whose stream topics deliver batches.

    Attributes:
        settings: What the app was made from.
    """

    settings: ProcessorSettings

    @property
    def batches(self) -> BatchConsumer:
        """The consumer, which says whether a batch still counts and is told when it is finished."""
        return cast("BatchConsumer", self.consumer)

    def stream_topic(self, name: str) -> Any:
        """Return a topic that is read as batches; an agent on it takes ``app.each_batch(stream)``.

        One agent to a topic: a batch is finished once.

        Args:
            name: Its name without the prefix.
        """
        return self.topic(
            self.settings.kafka.prefix + name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )

    async def each_batch(self, stream: Stream[Any]) -> AsyncIterator[Batch]:
        """Yield the batches of a stream; one is finished, and may be committed, when the next is asked for.

        A loop body that raises leaves its batch unfinished: the worker crashes, and whoever gets the partition next
        starts with that batch. Batches that lost their partition are passed over.
        """
        async for event in stream.noack().events():
            batch = cast("Batch", event.value)
            if self.batches.is_next(batch):
                yield batch
                self.batches.finish(batch)
            event.ack()


def create_app(settings: ProcessorSettings, topics: Iterable[str], **overrides: Any) -> ProcessorApp:
    """Return the app without agents; :func:`turnlog.processors.worker.build` adds them.

    Args:
        settings: The worker's settings.
        topics: Names, without the prefix, of all topics that its agents will read.
        overrides: Faust settings that win over the ones chosen here.

    Raises:
        SettingError: If the Kafka settings can't be right.
    """
    kafka = settings.kafka
    group = kafka.group(PROCESSORS)
    member = kafka.member(PROCESSORS, settings.worker_id, topics)
    conf: Mapping[str, Any] = {
        "broker": ";".join(f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")),
        "broker_credentials": faust_credentials(kafka.options),
        "broker_client_id": member,
        "consumer_group_instance_id": member,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": settings.fetch_bytes,
        "broker_max_poll_records": settings.poll_records,
        "broker_max_poll_interval": 600.0,
        "broker_session_timeout": settings.session_seconds,
        "broker_heartbeat_interval": min(1.5, settings.session_seconds / 4),
        "broker_rebalance_timeout": 15.0,
        "broker_commit_interval": settings.commit_seconds,
        "broker_commit_livelock_soft_timeout": 300.0,
        "producer_acks": -1,
        "producer_compression_type": "lz4",
        "producer_max_request_size": 12 * 1024 * 1024,
        "stream_wait_empty": False,
        "stream_buffer_maxsize": 4096,
        "store": "memory://",
        "datadir": str(Path(tempfile.gettempdir()) / f"{group}-{member}"),
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        # An agent that fails takes the worker down: restarting it in place would skip the batch it failed on.
        "agent_supervisor": CrashingSupervisor,
        "autodiscover": False,
        **overrides,
    }
    app = ProcessorApp(group, **conf)
    app.settings = settings
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    return app
