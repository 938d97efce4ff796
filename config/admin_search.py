"""The admin's command palette: the pages of the sidebar, by name.

Stands in for unfold's own search view, which keeps Python objects in the cache; ours holds bytes.
"""

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.dataclasses import SearchResult

from config.navigation import admin_navigation


def admin_search(request: HttpRequest) -> HttpResponse:
    """Pages whose title, or whose group's title, holds the words typed."""
    term = request.GET.get("s", "").strip().casefold()
    if not term:
        return HttpResponse()
    results = [
        SearchResult(
            title=item["title"], description=group["title"], link=item["link"], icon=item["icon"]
        )
        for group in admin_navigation(request)
        for item in group["items"]
        if term in f"{item['title']} {group['title']}".casefold()
    ]
    page = Paginator(results, max(len(results), 1)).page(1)
    template = "command_results" if "extended" in request.GET else "search_results"
    context = {"results": page, "page_obj": page.paginator, "page_counter": 0, "execution_time": 0}
    response = render(request, f"unfold/helpers/{template}.html", context)
    response["HX-Trigger"] = "search"
    return response


admin_search_view = admin.site.admin_view(admin_search)
