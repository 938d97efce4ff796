"""The cache: Django's Redis backend with values as bytes, kept clients, and no broken page.

Apps keep JSON bytes in the cache. Nothing is ever unpickled from Redis, so whoever can write
to Redis cannot run code here, and one `cache.get_many` stays one MGET of small values.

A Redis that is away is an empty cache: reads miss and writes do nothing, each with a line in the
log. Whatever must not be lost is in PostgreSQL before it comes here.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.core.cache.backends import redis as stock
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Seconds a page waits for Redis before it goes on without it.
PATIENCE = 0.25
#: Set KEYS[1] from ARGV[1] to ARGV[2], both "" for no value, for ARGV[3] seconds; not if KEYS[2]
#: has another value than ARGV[4], where both have one. The other keys are counters, each with its
#: limit: one more of each, unless one of them is not there or has reached it.
SWAP = """
local held = redis.call('GET', KEYS[1]) or ''
local guard = redis.call('GET', KEYS[2]) or ''
if guard ~= ARGV[4] and guard ~= '' and ARGV[4] ~= '' then return {-1, held} end
if held ~= ARGV[1] then return {0, held} end
for i = 3, #KEYS do
  local counted = tonumber(redis.call('GET', KEYS[i]))
  if not counted or counted >= tonumber(ARGV[i + 2]) then return {-2, held} end
end
for i = 3, #KEYS do
  redis.call('INCR', KEYS[i])
  redis.call('EXPIRE', KEYS[i], ARGV[3])
end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return {1, ARGV[2]}
"""


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
        for_connections: dict[str, Any] = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            # Once more at once: a connection kept over a restart of Redis is found dead when used.
            "retry": Retry(NoBackoff(), 1),
        }
        super().__init__(servers, serializer=BytesSerializer(), **for_connections, **options)
        self._clients: dict[int, Redis] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:
        pool: ConnectionPool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        if id(pool) not in self._clients:
            self._clients[id(pool)] = Redis(connection_pool=pool)
        return self._clients[id(pool)]

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """What a page asks, on a connection of the pool: a command by the client's own way costs
        twice the round trip, in records of how long it took.
        """
        asked = list(keys)
        pool: ConnectionPool = self._get_connection_pool(False)  # type: ignore[attr-defined]
        connection: Any = pool.get_connection()

        def ask() -> list[bytes | None]:
            connection.send_command("MGET", *asked)
            return connection.read_response()  # type: ignore[no-any-return]

        try:
            found = connection.retry.call_with_retry(ask, lambda error: connection.disconnect())
        finally:
            pool.release(connection)
        loads = self._serializer.loads  # type: ignore[attr-defined]
        return {
            key: loads(value) for key, value in zip(asked, found, strict=True) if value is not None
        }


class RedisCache(stock.RedisCache):
    """`CACHES["default"]["BACKEND"]`."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        return _or(False, lambda: super(RedisCache, self).add(key, value, *args, **kwargs))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return _or(default, lambda: super(RedisCache, self).get(key, default, version))

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        _or(None, lambda: super(RedisCache, self).set(key, value, *args, **kwargs))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return _or(False, lambda: super(RedisCache, self).delete(key, version))

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        return _or({}, lambda: super(RedisCache, self).get_many(keys, version))

    def set_many(self, data: dict[Any, Any], *args: Any, **kwargs: Any) -> list[Any]:
        return _or(list(data), lambda: super(RedisCache, self).set_many(data, *args, **kwargs))

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        _or(None, lambda: super(RedisCache, self).delete_many(keys, version))

    def get_surely(self, keys: Iterable[str]) -> dict[str, Any]:
        """`get_many` for who counts: it raises RedisError or OSError where Redis does not answer,
        so that what is away is not taken for what is not there."""
        found: dict[str, Any] = super().get_many(keys)
        return found

    def delete_surely(self, keys: Iterable[str]) -> None:
        """`delete_many`, which raises in the same way."""
        super().delete_many(keys)

    def swap(
        self,
        key: str,
        old: bytes,
        new: bytes,
        *,
        seconds: int,
        guard: tuple[str, bytes],
        counters: Sequence[tuple[str, int]] = (),
    ) -> tuple[int, bytes]:
        """Replace `old` by `new`, in one step that no other caller's can come between.

        b"" stands for no value. Returns (1, new); (0, what is there) when it is not `old`; and
        (-1, what is there) when the key `guard[0]` has become another value than `guard[1]`, where
        both are known. With it each of `counters`, (key, limit), is raised by one; where one is not
        there, or has reached its limit, (-2, what is there) and nothing is changed. Unlike the
        rest it raises RedisError or OSError where Redis does not answer: who counts must know.
        """
        client = self._cache.get_client(key, write=True)
        names, limits = [name for name, _ in counters], [limit for _, limit in counters]
        keys = [self.make_and_validate_key(name) for name in (key, guard[0], *names)]
        done, held = client.register_script(SWAP)(keys, [old, new, seconds, guard[1], *limits])
        return done, held


def _or(missing: T, ask: Callable[[], Any]) -> T:
    """What Redis answers, or `missing` when it does not."""
    try:
        return ask()  # type: ignore[no-any-return]
    except (RedisError, OSError) as error:
        log.warning("Redis does not answer: %s", type(error).__name__)
        return missing
