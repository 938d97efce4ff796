from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    verbose_name = "What it adds up to"

    def ready(self) -> None:
        from profiles import receivers  # noqa: F401
