from django.apps import AppConfig


class PersonalizationConfig(AppConfig):
    name = "personalization"
    verbose_name = "Personalize"

    def ready(self) -> None:
        from personalization import receivers  # noqa: F401
