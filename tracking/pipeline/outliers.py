"""How much of an unusual value, or of an unusual number of events in a visit, counts.

A *kind* is "type|content type": what is usual is asked of each kind apart. What never gets in:
how the fences came about (pipeline.distribution).
"""

from typing import NamedTuple

ACCEPTED = "accepted"
#: Kinds that one visit counts; further ones, which no site has, are never outliers.
MAX_KINDS = 64


class Fence(NamedTuple):
    """The largest usual value of a kind by z-score and by interquartile range."""

    z_score: float
    iqr: float

    @property
    def limit(self) -> float:
        return min(self)


def kind_of(type: str, content_type: str) -> str:
    return f"{type}|{content_type}"


def outlier_name(fence: Fence, value: float) -> str:
    """Which fence a value is beyond; "" for none.

    >>> [outlier_name(Fence(10.0, 20.0), value) for value in (10.0, 11.0, 21.0)]
    ['', 'z_score', 'both']
    >>> outlier_name(Fence(20.0, 10.0), 15.0)
    'iqr'
    """
    if value > fence.z_score:
        return "both" if value > fence.iqr else "z_score"
    return "iqr" if value > fence.iqr else ""
