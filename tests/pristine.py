"""The database as the migrations left it, put back after each test that commits.

Django empties every table and loads the migrations' rows through the ORM, twice a test; that takes
most of a second. Here PostgreSQL does it in one statement, from copies it keeps, and touches only
tables that have pages.
"""

from __future__ import annotations

from django.db import DatabaseError, connection

#: Larger tables are truncated: deleting row by row, and passing what is dead, would take longer.
#: So are those with triggers, which may refuse to have a row deleted.
_LARGE = 256 * 1024

ATTEMPTS = 5

#: The tables of the project, the partitions of partitioned ones instead of these.
_TABLES = """
    SELECT c.oid, c.relname FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        AND c.relname <> 'django_migrations'
"""

_KEEP = f"""
DO $$
DECLARE t record; found boolean;
BEGIN
    CREATE SCHEMA pristine;
    FOR t IN {_TABLES} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.relname) INTO found;
        IF found THEN
            EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', t.relname, t.relname);
        END IF;
    END LOOP;
END $$
"""

_RESTORE = f"""
DO $$
DECLARE t record;
BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    FOR t IN {_TABLES} AND pg_relation_size(c.oid) > 0 AND (pg_relation_size(c.oid) > {_LARGE}
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)) LOOP
        EXECUTE format('TRUNCATE public.%I CASCADE', t.relname);
    END LOOP;
    FOR t IN {_TABLES} AND pg_relation_size(c.oid) > 0 LOOP
        EXECUTE format('DELETE FROM public.%I', t.relname);
    END LOOP;
    FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'pristine'::regnamespace LOOP
        EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE pristine.%I',
            t.relname, t.relname);
    END LOOP;
END $$
"""


def database_keep() -> None:
    """Copy what there is, the first time: as the database has just been made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('pristine') IS NULL")
        if cursor.fetchone()[0]:
            cursor.execute(_KEEP)


def database_restore() -> None:
    """Have in every table what `database_keep` found.

    A page that a test left may still ask the server: of a deadlock with it one is given up.
    """
    for attempt in range(ATTEMPTS):
        try:
            with connection.cursor() as cursor:
                cursor.execute(_RESTORE)
        except DatabaseError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return
