"""How many choices an address may make in a minute.

Whoever keeps no cookie makes a new record with each choice. Counted is a hash of the shortened
address that is another one every minute, kept for that minute in the cache; nothing else is stored.
"""

import time
from ipaddress import ip_network

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

SECONDS = 60


def seconds_to_wait(request: HttpRequest) -> int:
    """How long until another choice is recorded; 0 for at once, also when nothing can count."""
    minute, gone = divmod(int(time.time()), SECONDS)
    address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # minds NUM_PROXIES
    key = f"choices:{salted_hmac(__name__, f'{minute} {network_of(address)}').hexdigest()}"
    try:
        count = 1 if cache.add(key, 1, SECONDS) else cache.incr(key)
    except (RedisError, OSError, ValueError):
        return 0
    return SECONDS - gone if count > settings.CONSENT_CHOICES_PER_MINUTE else 0


def network_of(address: str) -> str:
    """The address without what tells neighbours apart; as it is if it is none (a unix socket).

    >>> network_of("192.0.2.77"), network_of("2001:db8:1:2::3"), network_of("")
    ('192.0.2.0/24', '2001:db8:1::/48', '')
    """
    try:
        return str(ip_network(f"{address}/{48 if ':' in address else 24}", strict=False))
    except ValueError:
        return address
