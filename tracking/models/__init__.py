"""The tables of what happened, by what they are for."""

from tracking.models.events import Event, Inbox, Shard, Visit, Visitor
from tracking.models.operations import (
    ActivityCount,
    ActivityCursor,
    DropCount,
    DropIncrement,
    RetentionRun,
    SweepCursor,
    VisitorMerge,
)
from tracking.models.quarantine import ImportRun, Quarantine, QuarantineReplay
from tracking.models.taxonomy import EventType, Item
from tracking.models.usual import Bin, Fence, Outlier

__all__ = [
    "ActivityCount",
    "ActivityCursor",
    "Bin",
    "DropCount",
    "DropIncrement",
    "Event",
    "EventType",
    "Fence",
    "ImportRun",
    "Inbox",
    "Item",
    "Outlier",
    "Quarantine",
    "QuarantineReplay",
    "RetentionRun",
    "Shard",
    "SweepCursor",
    "Visit",
    "Visitor",
    "VisitorMerge",
]
