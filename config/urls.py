"""Every address of the product on one screen."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config.admin_search import admin_search_view

handler400 = "config.errors.bad_request"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    # First what is asked most: addresses are tried in this order.
    path("api/v1/", include("tracking.urls")),
    path("api/v1/", include("personalization.api_urls")),
    path("", include("demo.urls")),
    path("", include("consent.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("", include("personalization.urls")),
    path("admin/search/", admin_search_view),
    path("admin/", admin.site.urls),
]
