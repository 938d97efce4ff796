"""The page of one visitor, under the admin's address and behind its door."""

from django.contrib import admin
from django.urls import path

from personalization.views import visitor_page

urlpatterns = [
    path("admin/visitors/<str:visitor>/", admin.site.admin_view(visitor_page), name="visitor"),
]
