from pathlib import Path

import pytest

from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.state import ComponentRecord, StackState, read_state

STATE = StackState(
    supervisor=ProcessIdentity(7, "boot/99"),
    kafka="127.0.0.1:1",
    clickhouse="http://127.0.0.1:2",
    topic_prefix="chat.",
    ready=True,
    components=(
        ComponentRecord(name="kafka", state="ready", restarts=2, process=ProcessIdentity(8, "boot/100"), since=1.5),
        ComponentRecord(name="sink-0", state="restarting", last_end="was killed by SIGKILL", log="/logs/sink-0.log"),
    ),
)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    STATE.write(path)
    assert read_state(path) == STATE
    assert [each.name for each in tmp_path.iterdir()] == ["stack.json"]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"supervisor": 7}'])
def test_no_state_is_no_state_whatever_is_there(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "stack.json"
    if content is not None:
        path.write_text(content)
    assert read_state(path) is None
