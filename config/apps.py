"""The project's own app: it carries `manage.py up` and loads the Celery application."""

from django.apps import AppConfig

from config import celery  # noqa: F401  `@shared_task` binds to the application loaded here


class ConfigAppConfig(AppConfig):
    name = "config"
    verbose_name = "Attune"
