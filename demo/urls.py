from django.urls import path

from demo import views

urlpatterns = [
    path("", views.home, name="home"),
    path("c/<slug:slug>/", views.category, name="category"),
    path("items/<slug:slug>/", views.item, name="item"),
    path("search/", views.search, name="search"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("about/", views.about, name="about"),
    path("docs/errors", views.errors, name="errors"),
    path("favicon.ico", views.favicon),
]
