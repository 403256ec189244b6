"""Text from events on a terminal."""

from turnlog.stack.printable import one_line


def test_white_space_is_joined_and_nothing_controls_the_terminal() -> None:
    assert one_line(" a\n\tb  c ") == "a b c"
    assert one_line("x\x1b[31my\u202ez\x9b") == "x\ufffd[31my\ufffdz\ufffd"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
    assert len(one_line("ä" * 10_000_000, 50)) == 50
