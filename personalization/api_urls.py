"""The API for other sites and single-page apps."""

from django.urls import path

from personalization import api

urlpatterns = [
    path("decide", api.DecideView.as_view(), name="decide"),
    path("profile", api.ProfileView.as_view(), name="profile"),
]
