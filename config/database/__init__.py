"""The database backend of `DATABASES`: Django's for PostgreSQL, with a cheaper look at the pool."""
