import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import eventually
from turnlog.stack import identity
from turnlog.stack.identity import ProcessIdentity, processes_with


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, "TURNLOG_STACK": "a test's own"}
    )
    yield process
    process.kill()
    process.wait()


@pytest.fixture(params=["proc", "psutil"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "psutil":
        monkeypatch.setattr(identity, "_PROC", Path("/no/such/folder"))


@pytest.mark.usefixtures("_way")
def test_a_process_is_alive_until_it_ends_also_as_a_zombie(sleeper: subprocess.Popen[bytes]) -> None:
    found = ProcessIdentity.of(sleeper.pid)
    assert found is not None
    assert found.alive()
    assert found.send(signal.SIGKILL)
    eventually(lambda: not found.alive())  # nobody has waited for it yet
    assert ProcessIdentity.of(sleeper.pid) is None
    sleeper.wait()
    assert not found.alive()
    assert not found.send(signal.SIGTERM)


@pytest.mark.usefixtures("_way")
def test_another_process_with_the_same_pid_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    predecessor = ProcessIdentity(sleeper.pid, "an earlier start")
    assert not predecessor.alive()
    assert not predecessor.send(signal.SIGKILL)
    assert sleeper.poll() is None


def test_processes_are_found_by_their_environment(sleeper: subprocess.Popen[bytes]) -> None:
    # Between fork and exec it still has the environment of this process.
    eventually(lambda: [each.pid for each in processes_with("TURNLOG_STACK", "a test's own")] == [sleeper.pid])
    assert not list(processes_with("TURNLOG_STACK", "another's"))
