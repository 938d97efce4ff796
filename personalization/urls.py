"""What a visitor says of a slot, and the page of one visitor, behind the admin's door."""

from django.contrib import admin
from django.urls import path

from personalization.outcome_views import slot_outcome
from personalization.views import visitor_page

urlpatterns = [
    path("slots/outcome/", slot_outcome, name="slot_outcome"),
    path("admin/visitors/<str:visitor>/", admin.site.admin_view(visitor_page), name="visitor"),
]
