from collections.abc import Callable

from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.supervisor import Backoff, Component, ComponentState
from turnlog.stack.supervisor.watched import Watched


class FakeProcess:
    def __init__(self, pid: int) -> None:
        self.identity = ProcessIdentity(pid, "then")
        self.end: str | None = None
        self.asked = False

    def ended(self) -> str | None:
        return self.end

    def terminate(self) -> None:
        self.asked = True

    def kill(self) -> None:
        self.end = "was killed by SIGKILL"


class Scene:
    """A watched component whose processes and readiness the test decides."""

    def __init__(self, ready: Callable[[], bool] = lambda: True) -> None:
        self.spawned: list[FakeProcess] = []
        self.said: list[str] = []
        self.fails = False
        component = Component(name="it", command=("it",), ready=ready, start_timeout=10)
        self.watched = Watched(
            component, spawn=self._spawn, say=self.said.append, backoff=Backoff(first=0.2, healthy_after=30)
        )

    def _spawn(self, component: Component) -> FakeProcess:
        if self.fails:
            raise FileNotFoundError(2, "No such file or directory")
        self.spawned.append(FakeProcess(len(self.spawned)))
        return self.spawned[-1]

    def state(self) -> ComponentState:
        return self.watched.state


def test_it_starts_and_becomes_ready() -> None:
    answers = iter([False, True])
    scene = Scene(lambda: next(answers))
    scene.watched.start(0)
    scene.watched.tick(0.1)
    assert scene.state() is ComponentState.STARTING
    scene.watched.tick(0.2)
    assert scene.state() is ComponentState.READY
    assert scene.said == ["ready"]


def test_what_dies_is_started_again_after_the_delay_and_not_before() -> None:
    scene = Scene()
    scene.watched.start(0)
    scene.watched.tick(1)
    scene.spawned[0].end = "was killed by SIGKILL"
    scene.watched.tick(2)
    assert scene.state() is ComponentState.RESTARTING
    assert scene.watched.identity is None
    assert scene.said[-1] == "was killed by SIGKILL; starting it again in 0.2 s"
    scene.watched.tick(2.1)
    assert len(scene.spawned) == 1
    scene.watched.tick(2.2)
    assert (len(scene.spawned), scene.watched.restarts) == (2, 1)
    assert scene.state() is ComponentState.READY


def test_deaths_in_a_row_wait_longer_and_a_healthy_time_ends_the_row() -> None:
    scene = Scene()
    scene.watched.start(0)
    scene.watched.tick(0)
    for now, process in ((1, 0), (2, 1)):
        scene.spawned[process].end = "exited with 1"
        scene.watched.tick(now)
        scene.watched.tick(now + 0.9)
    assert scene.said[-2] == "exited with 1; starting it again in 0.4 s"
    assert scene.watched.failures == 2
    scene.watched.tick(40)
    assert scene.watched.failures == 0


def test_what_never_gets_ready_is_killed_and_started_again() -> None:
    scene = Scene(lambda: False)
    scene.watched.start(0)
    scene.watched.tick(10.1)
    assert scene.spawned[0].end is not None
    assert scene.state() is ComponentState.RESTARTING
    assert scene.watched.last_end == "was not ready within 10 s"
    assert not scene.watched.was_ready


def test_what_cannot_be_started_counts_as_dead() -> None:
    scene = Scene()
    scene.fails = True
    scene.watched.start(0)
    assert scene.state() is ComponentState.RESTARTING
    assert "could not be started" in scene.watched.last_end
    scene.fails = False
    scene.watched.tick(1)
    assert scene.state() is ComponentState.READY


def test_after_a_stop_nothing_is_started_again() -> None:
    scene = Scene()
    scene.watched.start(0)
    scene.watched.tick(0)
    scene.watched.stop()
    assert scene.spawned[0].asked
    assert scene.state() is ComponentState.STOPPING
    assert not scene.watched.stopped()
    scene.spawned[0].end = "exited with 0"
    assert scene.watched.stopped()
    scene.watched.tick(100)
    assert scene.state() is ComponentState.STOPPED
    assert len(scene.spawned) == 1


def test_a_stop_between_two_starts_forgets_the_next_one() -> None:
    scene = Scene()
    scene.watched.start(0)
    scene.spawned[0].end = "exited with 1"
    scene.watched.tick(1)
    scene.watched.stop()
    scene.watched.tick(100)
    assert scene.state() is ComponentState.STOPPED
    assert len(scene.spawned) == 1
