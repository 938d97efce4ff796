from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    verbose_name = "Understand"

    def ready(self) -> None:
        from profiles import receivers  # noqa: F401
