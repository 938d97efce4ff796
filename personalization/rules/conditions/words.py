"""How conditions name what somebody did."""

#: What somebody did, by event type; others are said by their name.
VERBS = {
    "page_view": "viewed pages",
    "click": "clicked",
    "category_click": "followed links to a category",
    "dwell": "spent time on pages",
    "scroll": "scrolled",
    "form_submit": "sent a form",
    "search": "searched",
    "video_play": "played videos",
    "add_to_cart": "added to the cart",
    "purchase": "purchased",
    "share": "shared",
    "bookmark": "bookmarked",
    "like": "liked",
    "comment": "commented",
    "follow": "followed",
    "exposure": "was shown something personal",
    "dismiss": "dismissed something",
}
