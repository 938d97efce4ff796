from django.apps import AppConfig


class PersonalizationConfig(AppConfig):
    name = "personalization"
    verbose_name = "What is shown"

    def ready(self) -> None:
        from personalization import receivers  # noqa: F401
