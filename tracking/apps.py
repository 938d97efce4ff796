from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "What happened"

    def ready(self) -> None:
        from tracking import checks, receivers  # noqa: F401
