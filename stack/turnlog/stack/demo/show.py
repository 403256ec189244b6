"""The show: bots in threads, a rollout that makes things worse, and a rollback."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from turnlog.producers import Client, Result
from turnlog.stack.demo.acts import ROLLBACK, ROLLOUT, Acts
from turnlog.stack.demo.bot import Bot, Moment, Turn
from turnlog.stack.demo.script import PROVIDER, ROLES, Role, Version

_WORKERS = 4
_STARTED_SECONDS = 30.0


@dataclass(frozen=True)
class Show:
    """What a show needs.

    Attributes:
        seconds: How long chats are begun.
        seed: Of all chances.
        client: Makes a service's client.
        now: Seconds on a clock that never goes back.
        sleep: Blocks for some seconds.
        tell: Told what happens.
    """

    seconds: float
    seed: int
    client: Callable[[str], Client]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[str], None]


@dataclass
class Outcome:
    """What a show left.

    Attributes:
        producers: Each client's id and what became of its events.
        turns: All turns that were taken.
    """

    producers: dict[str, Result] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)

    @property
    def richest(self) -> Turn | None:
        """The turn with a model call in whose question there is most to redact: the one with most digits."""
        called = [turn for turn in self.turns if turn.call_id is not None]
        return max(called, key=lambda turn: sum(each.isdigit() or each == "@" for each in turn.question), default=None)

    @property
    def longest(self) -> str | None:
        """The chat with the most turns."""
        chats = [turn.conversation_id for turn in self.turns]
        return max(dict.fromkeys(chats), key=chats.count, default=None)


def run_show(show: Show) -> Outcome:
    """Run it; blocks until the last chat has ended and all clients are closed. Interrupted, it still closes them.

    Raises:
        Exception: Whatever a bot's own code raises.
    """
    outcome = Outcome()
    clients = {role.service: show.client(role.service) for role in ROLES}
    curtain = threading.Event()
    try:
        for role in ROLES:
            _register(clients[role.service], role)
            clients[role.service].flush(_STARTED_SECONDS)
        acts = Acts(show.now(), show.seconds)
        with ThreadPoolExecutor(len(ROLES) * _WORKERS + 1, thread_name_prefix="bot") as pool:
            work = [
                pool.submit(_worker, show, acts, _bot(show, role, clients[role.service], number), number, curtain)
                for role in ROLES
                for number in range(_WORKERS)
            ]
            try:
                _release(show, acts, clients)
                for future in work:
                    outcome.turns += future.result()
            finally:
                curtain.set()
    finally:
        for client in clients.values():
            outcome.producers[client.producer_id] = client.close(_STARTED_SECONDS)
    return outcome


def _bot(show: Show, role: Role, client: Client, number: int) -> Bot:
    return Bot(role, client, Random(f"{show.seed} {role.service} {number}"), show.sleep)  # noqa: S311 - no secret


def _worker(show: Show, acts: Acts, bot: Bot, number: int, curtain: threading.Event) -> Sequence[Turn]:
    role = bot.role
    turns: list[Turn] = []

    def moment() -> Moment:
        now = show.now()
        version = role.candidate if role.candidate and acts.candidate_serves(now) else role.version
        return Moment(version, slow=role.slow_spell and acts.slow(now))

    chat = 0
    while not acts.over(show.now()) and not curtain.is_set():
        turns += bot.chat(f"{role.service}-{number}-{chat}", moment)
        chat += 1
    return turns


def _register(client: Client, role: Role) -> None:
    for version in (role.version, role.candidate):
        if version is not None:
            client.model_version(
                version.id,
                provider=PROVIDER,
                name=version.model,
                version=version.version,
                state="active" if version is role.version else "registered",
                match_names=[version.id],
                prices=version.prices,
                tags={"made_up": "true"},
            )
    _announce(client, role, "r1", role.version, None)


def _announce(client: Client, role: Role, release: str, version: Version, before: Version | None) -> None:
    client.deployment(
        f"{role.service}-{release}",
        "rollout" if before is None or before is role.version else "rollback",
        model_version_id=version.id,
        **({} if before is None else {"previous_model_version_id": before.id}),  # type: ignore[arg-type] # of texts
        traffic_percent=100.0,
        reason="first release" if before is None else "newer model" if before is role.version else "slow and failing",
        actor="demo",
    )


def _release(show: Show, acts: Acts, clients: dict[str, Client]) -> None:
    """Roll the candidates out, and back."""
    roles = [role for role in ROLES if role.candidate is not None]
    for share, back in ((ROLLOUT, False), (ROLLBACK, True)):
        show.sleep(acts.until(share, show.now()))
        for role in roles:
            assert role.candidate is not None
            old, new = (role.candidate, role.version) if back else (role.version, role.candidate)
            _announce(clients[role.service], role, "r2", new, old)
            show.tell(f"{role.service}: {'rolled back' if back else 'rolled out'} from {old.id} to {new.id}")
