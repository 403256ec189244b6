"""A loopback port for a server that may have any."""

import random
import socket

_PORTS = range(10_240, 32_768)
"""Below what systems give to outgoing connections: one of those could take a port before its server listens."""

_ATTEMPTS = 200


def free_port() -> int:
    """Return a loopback port that nobody listens on.

    Raises:
        OSError: If none is found.
    """
    for port in random.SystemRandom().sample(_PORTS, _ATTEMPTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port on 127.0.0.1")
