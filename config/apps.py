"""The project's own app: it carries `manage.py up`."""

from django.apps import AppConfig


class ConfigAppConfig(AppConfig):
    name = "config"
    verbose_name = "Attune"
