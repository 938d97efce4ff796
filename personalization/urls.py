"""What a visitor says of a slot, the page of one visitor and previews, behind the admin's door."""

from django.contrib import admin
from django.urls import path

from personalization.outcome_views import slot_outcome
from personalization.preview.views import preview_frame, preview_page
from personalization.views import visitor_page

urlpatterns = [
    path("slots/outcome/", slot_outcome, name="slot_outcome"),
    path("admin/visitors/<str:visitor>/", admin.site.admin_view(visitor_page), name="visitor"),
    path("admin/preview/frame/", admin.site.admin_view(preview_frame), name="preview_frame"),
    path("admin/preview/<slug:reference>/", admin.site.admin_view(preview_page), name="preview"),
]
