from pathlib import Path

from turnlog.stack.supervisor.logs import rotate, tail


def test_a_large_log_is_moved_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        rotate([log, tmp_path / "missing.log"], limit=200)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "kafka.log.1").read_bytes() == b"old\n" * 100
    rotate([log], limit=200)
    assert log.read_bytes() == b"new\n"


def test_a_tail_is_the_last_lines_that_say_something(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"x" * 100_000 + b"\none\n\n  \ntwo \xff\nthree\n")
    assert tail(log, 2) == ["two \ufffd", "three"]
    assert tail(tmp_path / "missing.log") == []
