"""The pages of the demonstration site. What is personal on them comes from `{% slot %}`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.safestring import mark_safe
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent.origin import request_is_same_origin
from demo.cards import card_make, related_list, shelves_make
from demo.context_processors import navigation
from demo.prose import prose_render
from demo.readers import READERS, reader_get, reader_sign_in, reader_sign_out
from personalization import selectors

ERRORS_PAGE = settings.BASE_DIR / "docs" / "errors.md"
REASON_CELL = re.compile(r"<td><code>(\w+)</code></td>")
QUERY_LIMIT = 100  # characters
RESULTS_LIMIT = 24  # items
SUGGESTIONS = ("beginner", "weekend", "repair", "tools", "winter", "light")


@dataclass(frozen=True, slots=True)
class ContentType:
    key: str
    plural: str
    promise: str


CONTENT_TYPES = (
    ContentType("article", "Articles", "a cup of tea long"),
    ContentType("video", "Videos", "watch how it is done"),
    ContentType("guide", "Guides", "step by step, to keep"),
    ContentType("product", "Tools", "few, and good ones"),
)
_TYPE_KEYS = frozenset(row.key for row in CONTENT_TYPES)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    shelves = shelves_make(items=selectors.item_list())
    context = {
        "page_kind": "home",
        "content_types": CONTENT_TYPES,
        "shelves": [
            {"category": row, "cards": shelves[row.slug]}
            for row in navigation.categories()
            if row.slug in shelves
        ],
    }
    return render(request, "demo/home.html", context)


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    found = selectors.category_get(slug)
    if found is None:
        raise Http404("no such category")
    content_type = _content_type(request)
    items = selectors.item_list(category=slug, content_type=content_type)
    request.visitor.page_category = slug  # type: ignore[attr-defined]
    context = {
        "page_kind": "category",
        "page_category": slug,
        "category": found,
        "cards": [card_make(row) for row in items],
        "chips": _chips(path=request.path, content_type=content_type, parameters={}),
    }
    return render(request, "demo/category.html", context)


@require_safe
def item(request: HttpRequest, slug: str) -> HttpResponse:
    found = selectors.item_get(slug)
    if found is None:
        raise Http404("no such item")
    request.visitor.page_category = found.category.slug  # type: ignore[attr-defined]
    request.visitor.page_type = found.content_type  # type: ignore[attr-defined]
    request.visitor.page_tags = found.tags  # type: ignore[attr-defined]
    request.visitor.page_item = found.slug  # type: ignore[attr-defined]
    context = {
        "page_kind": "item",
        "page_category": found.category.slug,
        "item": found,
        "body": prose_render(found.body),
        "related": related_list(item=found),
    }
    return render(request, "demo/item.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\x00", "").strip()[:QUERY_LIMIT]
    content_type = _content_type(request)
    found = _found(query=query, content_type=content_type)
    context = {
        "page_kind": "search",
        "query": query,
        "content_type": content_type,
        "headline": _headline(query=query, content_type=content_type),
        "cards": [card_make(row) for row in found],
        "chips": _chips(
            path=request.path,
            content_type=content_type,
            parameters={"q": query} if query else {},
        ),
        "suggestions": SUGGESTIONS,
    }
    return render(request, "demo/search.html", context)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/about.html", {"page_kind": "about"})


def own_pages_only(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse a form that another site sent, as the consent forms do: no token, so no cookie."""

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        ours = request_is_same_origin(
            request.headers, host=request.get_host(), secure=request.is_secure()
        )
        if request.method == "POST" and not ours:
            reason = {"reason": "foreign_origin"}
            return render(request, "consent/refused.html", reason, status=403)
        return view(request)

    return checked


@own_pages_only
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET offers the invented readers, POST reader=<key> signs one of them in."""
    if request.method == "POST":
        reader = reader_get(request.POST.get("reader", ""))
        if reader is None:
            raise Http404("no such reader")
        reader_sign_in(request, reader)
        return redirect("home")
    return render(request, "demo/sign_in.html", {"page_kind": "sign-in", "readers": READERS})


@own_pages_only
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    reader_sign_out(request)
    return redirect("home")


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Where the `type` of a refusal leads: the documentation's page, each reason an anchor."""
    try:
        source = ERRORS_PAGE.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Http404("deployed without docs/") from None
    headline, _, text = source.removeprefix("# ").partition("\n")
    # Safe: the pattern is markup that prose_render has written, with a word in it.
    body = mark_safe(REASON_CELL.sub(r'<td id="\1"><code>\1</code></td>', prose_render(text)))
    return render(request, "demo/errors.html", {"headline": headline, "body": body})


@require_safe
@cache_control(public=True, max_age=3600)
def favicon(request: HttpRequest) -> HttpResponse:
    """For browsers that ask here before they have read a page."""
    return redirect(static("img/favicon.svg"))  # not for good: the name may carry a hash


def _content_type(request: HttpRequest) -> str | None:
    """The content type the visitor filters by; an unknown one filters nothing."""
    wanted = request.GET.get("type", "")
    return wanted if wanted in _TYPE_KEYS else None


def _found(*, query: str, content_type: str | None) -> list[Any]:
    if not query:
        return list(selectors.item_list(content_type=content_type, limit=RESULTS_LIMIT))
    found = selectors.item_search(query, limit=2 * RESULTS_LIMIT)
    return [row for row in found if content_type in (None, row.content_type)][:RESULTS_LIMIT]


def _headline(*, query: str, content_type: str | None) -> str:
    if query:
        return f"Search: {query}"
    plural = {row.key: row.plural for row in CONTENT_TYPES}
    return f"All {plural[content_type].lower()}" if content_type else "Everything in the notebook"


def _chips(
    *, path: str, content_type: str | None, parameters: dict[str, str]
) -> list[dict[str, Any]]:
    """The links of the type filter: everything, then one per content type."""
    rows = [(None, "All")] + [(row.key, row.plural) for row in CONTENT_TYPES]
    chips = []
    for key, label in rows:
        query = urlencode({**parameters, **({"type": key} if key else {})})
        chips.append(
            {
                "key": key,
                "label": label,
                "url": f"{path}?{query}" if query else path,
                "current": key == content_type,
            }
        )
    return chips
