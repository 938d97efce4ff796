"""How conditions name what somebody did."""

#: What somebody did, by event type; others are said by their name.
VERBS = {
    "page_view": "viewed pages",
    "click": "clicked",
    "category_click": "followed links to a category",
    "dwell": "spent time on pages",
    "scroll": "scrolled",
    "form_start": "started a form",
    "form_submit": "sent a form",
    "search": "searched",
    "video_play": "played videos",
    "video_progress": "watched a part of a video",
    "video_complete": "watched videos to the end",
    "add_to_cart": "added to the cart",
    "remove_from_cart": "removed from the cart",
    "checkout": "went to the checkout",
    "purchase": "purchased",
    "share": "shared",
    "bookmark": "bookmarked",
    "like": "liked",
    "comment": "commented",
    "follow": "followed",
    "download": "downloaded",
    "exposure": "was shown something personal",
    "view": "had something personal in view",
    "dismiss": "dismissed something",
}
