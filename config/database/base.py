"""Django's PostgreSQL backend, whose pooled connections are found dead without a round trip.

Stock Django asks the server before each use of a pooled connection (`CONN_HEALTH_CHECKS`), a third
of the waiting of a short request. But a server that goes away says so: it closes the socket, and
a socket with nothing to read is a connection that still stands. The kernel tells at once.

What no kernel tells, a connection that a firewall forgot, is asked for on the wire, once it has
not been asked for a while.
"""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

#: Seconds after which a connection is asked on the wire whether it still stands.
ASK_AFTER = 30.0

#: When each pooled connection was made or asked, by the monotonic clock.
_asked_at: WeakKeyDictionary[Connection[Any], float] = WeakKeyDictionary()


class DatabaseWrapper(base.DatabaseWrapper):
    """`DATABASES["default"]["ENGINE"] = "config.database"`; leave `CONN_HEALTH_CHECKS` off."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection of the pool that stands; dead ones are let go, and the pool makes new ones.

        Raises OperationalError if there is none within the pool's timeout.
        """
        while True:
            connection = super().get_new_connection(conn_params)
            if not self.pool or is_alive(connection, now=time.monotonic()):
                return connection
            connection.close()
            self.pool.putconn(connection)


def is_alive(connection: Connection[Any], *, now: float) -> bool:
    """Whether a connection that nobody is using stands; `now` is the monotonic clock's."""
    asked_at = _asked_at.setdefault(connection, now)
    try:
        # Something to read is not always the end: the server also tells of a changed setting.
        if now - asked_at >= ASK_AFTER or has_something_to_read(connection):
            ConnectionPool.check_connection(connection)
            _asked_at[connection] = now
    except OperationalError:
        return False
    return True


def has_something_to_read(connection: Connection[Any]) -> bool:
    """Whether the server has said something nobody asked for, such as that it goes away."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
