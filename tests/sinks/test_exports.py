from __future__ import annotations

import turnlog.sinks


def test_the_public_door_is_what_it_says() -> None:
    assert sorted(turnlog.sinks.__all__) == list(turnlog.sinks.__all__)
    assert all(hasattr(turnlog.sinks, name) for name in turnlog.sinks.__all__)
