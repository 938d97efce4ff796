"""Where what is read becomes the values that profiles are folded from: no storage past here."""

from profiles.columns import Codes, Columns
from tracking.pipeline.blocks import Block


def columns_of(block: Block) -> Columns:
    """A block of stored events as columns."""
    signals, categories, content_types = Codes(), Codes([""]), Codes([""])
    kinds = block.kinds
    signal = signals.of([kind.type for kind in kinds])
    category = categories.of([kind.category for kind in kinds])
    content_type = content_types.of([kind.content_type for kind in kinds])
    return Columns(
        visitor=block.visitor,
        signal=signal[block.kind],
        category=category[block.kind],
        content_type=content_type[block.kind],
        occurred_ms=block.occurred_ms,
        weight=block.amount,
        is_new=block.is_new,
        starts_visit=block.starts_visit,
        visit=block.visit,
        visitors=block.visitors,
        signals=signals.values,
        categories=categories.values,
        content_types=content_types.values,
    )
