"""Reading topics to their current end, without a consumer group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # its stubs forget to export it

from turnlog.schemas import KafkaConnection, TransientError

_TIMEOUT = 5.0
_END = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # its stubs leave it bare


class Tail:
    """All messages of some topics from their beginning, in portions; not to be used by two threads at once.

    Args:
        connection: How to reach Kafka.
        topics: Topics with their prefix; they must exist.
    """

    def __init__(self, connection: KafkaConnection, topics: Sequence[str]) -> None:
        self._topics = topics
        self._connection = connection
        self._admin = self._new_admin()
        self._consumer = Consumer(
            connection.librdkafka(
                group_id="turnlog-tail",  # librdkafka wants one; nothing is ever committed under it
                enable_auto_commit=False,
                enable_partition_eof=True,
                fetch_wait_max_ms=10,
                reconnect_backoff_max_ms=1000,
                log_level=0,
            )
        )
        self._next: dict[tuple[str, int], int] = {}

    def read_new(self) -> Iterator[Message]:
        """Yield what has come since the last time, up to the end that the topics have at the time of the call.

        Blocks until it is read: a millisecond or two where there is nothing new.

        Raises:
            TransientError: If Kafka does not answer; the next call goes on from there.
        """
        if not self._next:
            self._assign()
        ends = self._ends()
        while any(self._next[place] < end for place, end in ends.items()):
            messages = self._consumer.consume(1000, 0.1)
            if not messages:
                ends = {
                    place: min(end, now) for (place, end), now in zip(ends.items(), self._ends().values(), strict=True)
                }
            for message in messages:
                error = message.error()
                place = (str(message.topic()), int(message.partition() or 0))
                if error is None:
                    self._next[place] = int(message.offset() or 0) + 1
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name, in spite of the bar
                    self._next[place] = max(self._next[place], int(message.offset() or 0))
                else:
                    raise TransientError(f"Kafka does not answer: {error.str()}")

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _new_admin(self) -> AdminClient:
        return AdminClient(self._connection.librdkafka(log_level=0))

    def _assign(self) -> None:
        try:
            metadata = self._admin.list_topics(timeout=_TIMEOUT).topics
        except KafkaException as error:
            raise TransientError(f"Kafka does not answer: {error.args[0].str()}") from error
        places = [(name, number) for name in self._topics if name in metadata for number in metadata[name].partitions]
        if len({name for name, _ in places}) < len(self._topics):
            raise TransientError(f"there is no topic {next(each for each in self._topics if each not in metadata)}")
        self._next = dict.fromkeys(places, 0)
        self._consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in places])

    def _ends(self) -> dict[tuple[str, int], int]:
        asked = {TopicPartition(name, number): _END for name, number in self._next}
        try:
            answers = self._admin.list_offsets(asked, request_timeout=_TIMEOUT)
            return {(place.topic, place.partition): future.result().offset for place, future in answers.items()}
        except KafkaException as error:
            # After a broker's restart this client would go on asking with the leader epoch it remembers, for minutes.
            self._admin = self._new_admin()
            raise TransientError(f"Kafka does not answer: {error.args[0].str()}") from error
