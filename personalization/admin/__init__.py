"""The marketer's side: campaigns, slots, variants, content, and what was published when."""

from personalization.admin import campaigns, content, frequency, rulesets, segments

__all__ = ["campaigns", "content", "frequency", "rulesets", "segments"]
