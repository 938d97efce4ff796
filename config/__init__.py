"""What holds the apps together: settings, addresses, Celery, embedded services, the commands."""

from config.celery import app as celery_app

__all__ = ("celery_app",)
