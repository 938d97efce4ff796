from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Events"

    def ready(self) -> None:
        from tracking import checks, receivers  # noqa: F401
