"""The cache: Django's Redis backend, with values as bytes and one client kept per server.

Apps keep JSON bytes in the cache. Nothing is ever unpickled from Redis, so whoever can write
to Redis cannot run code here, and one `cache.get_many` stays one MGET of small values.
"""

from typing import Any

from django.core.cache.backends import redis as stock
from redis import ConnectionPool, Redis


class BytesSerializer:
    """Bytes in, bytes out; integers stay integers."""

    def dumps(self, obj: Any) -> Any:
        if isinstance(obj, bytes) or type(obj) is int:
            return obj
        raise TypeError(f"cache values are bytes or int, not {type(obj).__name__}")

    def loads(self, data: Any) -> Any:
        try:
            return int(data)
        except ValueError:
            return data


class KeptClient(stock.RedisCacheClient):
    """Keeps its clients: making one costs more than the round trip it is made for."""

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, serializer=BytesSerializer(), **options)
        self._clients: dict[int, Redis] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:
        pool: ConnectionPool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        if id(pool) not in self._clients:
            self._clients[id(pool)] = Redis(connection_pool=pool)
        return self._clients[id(pool)]


class RedisCache(stock.RedisCache):
    """`CACHES["default"]["BACKEND"]`."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient
