"""The marketer's side: campaigns, slots, variants, content, and what was published when."""

from personalization.admin import campaigns, content, rulesets

__all__ = ["campaigns", "content", "rulesets"]
