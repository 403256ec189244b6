"""What can be known before anything is started: ports, disk, Java."""

import errno
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import psutil

from turnlog.schemas.errors import SettingError, UserError

LEAST_FREE_BYTES = 1024**3
"""Less than this and the broker could fill the disk within minutes."""


def check_ports(ports: dict[str, int]) -> None:
    """Check that nobody listens where the stack will.

    Args:
        ports: Loopback ports by the option that sets them.

    Raises:
        UserError: A port is taken or must not be used, or two are the same.
    """
    if len(set(ports.values())) < len(ports):
        raise SettingError(f"{' and '.join(ports)} must be different ports")
    for option, port in ports.items():
        with socket.socket() as probe:
            # As servers do: without it a port just left by a stopped stack would count as taken for a minute.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise UserError(
                        f"port {port} is in use{_by_whom(port)}: stop that, or choose another port by {option}"
                    ) from error
                raise UserError(f"port {port} cannot be used ({error.strerror}): choose another by {option}") from error


def check_disk(folder: Path, free_bytes: int | None = None) -> None:
    """Check that there is room for data.

    Args:
        folder: Where the data goes.
        free_bytes: What is free there; asked of the system by default.

    Raises:
        UserError: There is less than `LEAST_FREE_BYTES`.
    """
    free = shutil.disk_usage(folder).free if free_bytes is None else free_bytes
    if free < LEAST_FREE_BYTES:
        least = LEAST_FREE_BYTES // 1024**2
        raise UserError(f"only {free // 1024**2} MiB are free for {folder}: a stack needs {least} MiB at least")


def _by_whom(port: int) -> str:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and connection.pid and local and local.port == port:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
