"""The cache's serializer: bytes in, bytes out.

Apps keep JSON bytes in the cache. Nothing is ever unpickled from Redis, so whoever can write
to Redis cannot run code here, and one `cache.get_many` stays one MGET of small values.
"""


class BytesSerializer:
    """Serializer for `django.core.cache.backends.redis.RedisCache`; integers stay integers."""

    def dumps(self, obj: bytes | int) -> bytes | int:
        if isinstance(obj, bytes) or type(obj) is int:
            return obj
        raise TypeError(f"cache values are bytes or int, not {type(obj).__name__}")

    def loads(self, data: bytes) -> bytes | int:
        try:
            return int(data)
        except ValueError:
            return data
