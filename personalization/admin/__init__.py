"""The marketer's side: campaigns, slots, variants, content, and what was published when."""

from personalization.admin import (
    campaigns,
    content,
    frequency,
    reader_checks,
    rulesets,
    segments,
    test_profiles,
)

__all__ = [
    "campaigns",
    "content",
    "frequency",
    "reader_checks",
    "rulesets",
    "segments",
    "test_profiles",
]
