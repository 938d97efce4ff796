"""The addresses of consent."""

from django.urls import path

from consent import api, views

urlpatterns = [
    path("api/v1/consent", api.ConsentView.as_view(), name="consent-state"),
    path("consent/", views.consent_choose, name="consent"),
    path("preferences/", views.preferences, name="preferences"),
    path(".well-known/gpc.json", views.gpc_support, name="gpc"),
]
