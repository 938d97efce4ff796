"""What the demo's marketers have made: variants, slots and campaigns, as data.

Rules are the JSON trees of docs/rules.md. Field names are those of personalization's models;
`variant`, `default` and `slot` name a row of the tables here, `category` a slug.
"""

from typing import Any

Row = dict[str, Any]

VARIANTS: tuple[Row, ...] = (
    {
        "name": "Hero: welcome",
        "eyebrow": "Notes from the workbench, the road and the stove",
        "headline": "Things worth doing slowly",
        "text": "Grow it, ride it, cook it, build it. Start anywhere: most of it takes ten "
        "minutes to read and a weekend to do.",
        "button_label": "See what is new",
        "button_url": "/search/",
        "image": "notebook-hero.svg",
    },
    {
        "name": "Hero: garden",
        "eyebrow": "From the garden shelf",
        "headline": "The beds are waiting for you",
        "text": "You have been reading about growing things. These pages are the newest.",
        "button_label": "Into the garden",
        "button_url": "/c/gardening/",
        "image": "gardening-hero.svg",
        "items": "category",
        "category": "gardening",
    },
    {
        "name": "Hero: bicycle",
        "eyebrow": "From the road",
        "headline": "Quiet miles, sound brakes",
        "text": "For people who would rather ride: routes, repairs and the few tools you need.",
        "button_label": "Out on the road",
        "button_url": "/c/cycling/",
        "image": "cycling-hero.svg",
        "items": "category",
        "category": "cycling",
    },
    {
        "name": "Hero: your favourite subject",
        "eyebrow": "Opened where you left off",
        "headline": "More of what you like best",
        "text": "The newest pages from the part of the notebook you keep coming back to.",
        "button_label": "Browse everything",
        "button_url": "/search/",
        "image": "notebook-hero.svg",
        "items": "interest",
    },
    {
        "name": "Hero: short, for phones",
        "eyebrow": "For the way home",
        "headline": "Five minutes, one good idea",
        "button_label": "Short videos",
        "button_url": "/search/?type=video",
        "image": "music-hero.svg",
    },
    {
        "name": "Strip: from the kitchen",
        "eyebrow": "This week",
        "headline": "Fresh from the kitchen",
        "text": "Three things for the table, the newest first.",
        "button_label": "All of cooking",
        "button_url": "/c/cooking/",
        "items": "category",
        "category": "cooking",
    },
    {
        "name": "Strip: welcome back",
        "eyebrow": "Welcome back",
        "headline": "New since your last visit",
        "text": "Picked from the subject you read most.",
        "button_label": "Everything new",
        "button_url": "/search/",
        "items": "interest",
    },
    {
        "name": "Banner: start with a guide",
        "eyebrow": "New here?",
        "headline": "Start with a guide",
        "text": "Step by step, with a list of what you need. Made to be kept open beside you.",
        "button_label": "All guides",
        "button_url": "/search/?type=guide",
    },
    {
        "name": "Banner: before you buy",
        "eyebrow": "Looking at tools?",
        "headline": "Read this before you buy",
        "text": "One good tool beats five poor ones. Our guides say which job needs which.",
        "button_label": "Guides to choosing well",
        "button_url": "/search/?type=guide",
        "image": "woodworking-chisels.svg",
    },
    {
        "name": "Aside: from the workshop",
        "eyebrow": "What next",
        "headline": "A page from the workshop",
        "text": "Something entirely different, for when your hands want work.",
        "button_label": "All of woodworking",
        "button_url": "/c/woodworking/",
        "items": "category",
        "category": "woodworking",
    },
    {
        "name": "Aside: stay with it",
        "eyebrow": "What next",
        "headline": "Stay with it",
        "text": "The newest from the subject you read most.",
        "button_label": "Browse everything",
        "button_url": "/search/",
        "items": "interest",
    },
)

SLOTS: tuple[Row, ...] = (
    {
        "key": "home-hero",
        "address": "/",
        "name": "Home: hero",
        "description": "The large picture and message at the top of the home page.",
        "default": "Hero: welcome",
    },
    {
        "key": "home-strip",
        "address": "/",
        "name": "Home: strip",
        "description": "Three items side by side, below the hero.",
        "default": "Strip: from the kitchen",
    },
    {
        "key": "category-banner",
        "address": "/c/gardening/",
        "name": "Category: banner",
        "description": "At the top of every category page.",
        "default": "Banner: start with a guide",
    },
    {
        "key": "item-aside",
        "address": "/items/raised-beds-in-a-weekend/",
        "name": "Item: what next",
        "description": "Beside every article, video, guide and product.",
        "default": "Aside: from the workshop",
    },
)

CAMPAIGNS: tuple[Row, ...] = (
    {
        "name": "Cyclists",
        "slot": "home-hero",
        "variant": "Hero: bicycle",
        "priority": 70,
        "rule": {
            "all": [
                {"condition": "top_interest", "category": "cycling", "value": 1},
                {
                    "condition": "affinity",
                    "category": "cycling",
                    "horizon": "long",
                    "operator": ">=",
                    "value": 6,
                },
            ]
        },
    },
    {
        "name": "Gardening readers",
        "slot": "home-hero",
        "variant": "Hero: garden",
        "priority": 60,
        "rule": {
            "all": [
                {
                    "condition": "events",
                    "type": "page_view",
                    "category": "gardening",
                    "operator": ">=",
                    "value": 3,
                    "days": 7,
                }
            ]
        },
    },
    {
        "name": "Any clear favourite",
        "slot": "home-hero",
        "variant": "Hero: your favourite subject",
        "priority": 40,
        "rule": {"all": [{"condition": "strongest_interest", "operator": ">=", "value": 6}]},
    },
    {
        "name": "Short hero on phones",
        "slot": "home-hero",
        "variant": "Hero: short, for phones",
        "priority": 20,
        "rule": {"all": [{"condition": "device", "value": "phone"}]},
    },
    {
        "name": "Welcome back",
        "slot": "home-strip",
        "variant": "Strip: welcome back",
        "priority": 50,
        "cap_count": 5,
        "cap_length": 1,
        "rule": {
            "all": [
                {"condition": "visits", "operator": ">=", "value": 2},
                {
                    "condition": "events",
                    "type": "purchase",
                    "category": "",
                    "operator": "=",
                    "value": 0,
                    "days": 90,
                },
                {"condition": "strongest_interest", "operator": ">=", "value": 5},
            ]
        },
    },
    {
        "name": "Guides for people who look at tools",
        "slot": "category-banner",
        "variant": "Banner: before you buy",
        "priority": 50,
        "rule": {
            "any": [
                {
                    "condition": "events",
                    "type": "add_to_cart",
                    "category": "",
                    "operator": ">=",
                    "value": 1,
                    "days": 14,
                },
                {"condition": "preferred_content_type", "value": "product"},
            ]
        },
    },
    {
        "name": "Stay with the subject",
        "slot": "item-aside",
        "variant": "Aside: stay with it",
        "priority": 50,
        "pause_dismissed_days": 14,
        "rule": {
            "all": [
                {"condition": "pages_in_visit", "operator": ">=", "value": 3},
                {"condition": "strongest_interest", "operator": ">=", "value": 5},
            ]
        },
    },
)

#: Invented visitors for previews. `interests` by category, `doings`: type, category, times, days.
TEST_PROFILES: tuple[Row, ...] = (
    {
        "name": "Gardener on a phone",
        "note": "Reads about beds and seedlings on the way home, and has bought nothing yet.",
        "device": "phone",
        "visits": 6,
        "first_days": 12,
        "interests": {"gardening": 8},
        "doings": (("click", "gardening", 4, 14),),
    },
    {
        "name": "Cyclist who buys",
        "note": "Came for the repairs, bought a pump.",
        "device": "desktop",
        "visits": 9,
        "first_days": 40,
        "last_days": 1,
        "interests": {"cycling": 24, "music": 2},
        "doings": (("add_to_cart", "cycling", 2, 14), ("purchase", "cycling", 1, 14)),
    },
)
