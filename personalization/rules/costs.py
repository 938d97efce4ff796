"""What counting a condition over all profiles takes. A test compares it with what the SQL reader
does (personalization.reach.compiling)."""

from collections.abc import Mapping
from typing import Literal

#: `indexed`: PostgreSQL answers it for all profiles at once; `part`: so it does with some of its
#: operators or windows, else as `memory`: each profile that the rest of the rule leaves open is
#: asked in memory. `open`: there is no page in a count. `replay`: only past events tell.
Cost = Literal["indexed", "part", "memory", "open", "replay"]

#: Of what is not named here each profile is asked in memory.
COSTS: Mapping[str, Cost] = {
    "affinity": "indexed",
    "top_interest": "indexed",
    "interest_share": "indexed",
    "interest_lift": "indexed",
    "interest_change": "indexed",
    "interest_margin": "indexed",
    "interest_evidence": "indexed",
    "strongest_interest": "indexed",
    "preferred_content_type": "indexed",
    "events": "indexed",
    "event_did": "part",
    "event_count": "part",
    "event_distinct": "part",
    "event_value": "part",
    "event_days": "indexed",
    "event_trend": "part",
    "event_time": "indexed",
    "event_stopped": "indexed",
    "event_unfinished": "indexed",
    "campaign_contact": "part",
    "engagement_level": "indexed",
    "recency_score": "indexed",
    "frequency": "indexed",
    "visits_per_week": "indexed",
    "consistency": "indexed",
    "scroll_velocity": "indexed",
    "percentile": "part",
    "visitor_type": "indexed",
    "visits": "indexed",
    "pages_in_visit": "indexed",
    "minutes_in_visit": "indexed",
    "days_since_first_event": "indexed",
    "days_since_last_event": "indexed",
    "days_between_visits": "indexed",
    "active_seconds_in_visit": "indexed",
    "entry_medium": "indexed",
    "first_seen": "part",
    "last_seen": "part",
    "date_time": "indexed",
    "consent": "indexed",
    "gpc": "indexed",
}

#: How the form says it.
COST_WORDS: Mapping[Cost, str] = {
    "indexed": "counted for all visitors at once",
    "part": "counted for all visitors at once, with some choices one by one",
    "memory": "counted visitor by visitor",
    "open": "left open in a count: it depends on the page",
    "replay": "counted by replaying events",
}
