"""The reference servers: a DRF view that only decodes bench.accept's batch, and a bare one.

Served by the same web server with the same number of processes and threads as Attune.
"""

import django
import msgspec
from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="the reference server guards nothing",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # adds Content-Length
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.urls import path  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from tracking.pipeline.wire import WireEvent  # noqa: E402


class Batch(msgspec.Struct):
    events: list[WireEvent]
    sent_at: float | None = None


_decode = msgspec.json.Decoder(Batch).decode


class DecodeView(APIView):
    def post(self, request: Request) -> Response:
        return Response({"accepted": len(_decode(request._request.body).events)}, status=202)


class BareView(APIView):
    def post(self, request: Request) -> Response:
        return Response({"decisions": {}})


urlpatterns = [path("events", DecodeView.as_view()), path("bare", BareView.as_view())]
application = get_wsgi_application()
