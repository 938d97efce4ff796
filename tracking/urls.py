from django.urls import path

from tracking import api

urlpatterns = [path("events", api.EventsView.as_view(), name="events")]
