"""The table of topics keeps its own rules."""

from __future__ import annotations

from turnlog.schemas import RECORDS, TOPICS, clean_topics, raw_topics
from turnlog.schemas.topics import BY_NAME, FOREVER, clean_name


def test_every_raw_topic_has_a_clean_one_of_the_same_record() -> None:
    for raw, clean in zip(raw_topics(), clean_topics(), strict=True):
        assert raw.private
        assert not clean.private
        assert raw.record == clean.record
        assert raw.max_bytes < clean.max_bytes
        assert clean_name("chat." + raw.name) == "chat." + clean.name


def test_every_record_has_a_topic() -> None:
    assert {topic.record for topic in TOPICS} == {*RECORDS, "Schema"}


def test_compaction_and_retention_go_together() -> None:
    assert BY_NAME["models"].config()["cleanup.policy"] == "compact"
    assert BY_NAME["panes"].config()["cleanup.policy"] == "compact,delete"
    assert BY_NAME["deployments"].config()["cleanup.policy"] == "delete"


def test_what_is_to_go_is_in_segments_that_are_closed_soon_whatever_the_broker_does() -> None:
    for topic in TOPICS:
        assert (topic.config().get("segment.ms") == "3600000") == (topic.retention_ms != FOREVER), topic.name
