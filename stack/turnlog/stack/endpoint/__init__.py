"""ClickHouse's engine (chDB) in a process of its own, behind ClickHouse's HTTP dialect.

Run it as ``python -m turnlog.stack.endpoint --path DIR``; any ClickHouse HTTP client can then use it.
"""

from turnlog.stack.endpoint.config import EndpointConfig, Limits
from turnlog.stack.endpoint.errors import StartError
from turnlog.stack.endpoint.server import serve

__all__ = ["EndpointConfig", "Limits", "StartError", "serve"]
