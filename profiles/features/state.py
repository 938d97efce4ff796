"""What a profile stores of one declared feature."""

from msgspec import Struct, field

from profiles.features.cells import Cell

#: The most that one feature takes as JSON, up to 10⁹ events in a cell.
FEATURE_BYTES = 8 * 1024


class FeatureState(Struct, omit_defaults=True, gc=False):
    """What is kept of one feature; without events all of it is empty.

    `times` are ascending, in milliseconds since 1970, and `held` is what stands at each: cells, or,
    for visits and rolling distinct values, whose latest event that is. `cells` has a cell by
    bucket, period or visit, or the only one under 0 (profiles.features.keeping). `mark` is when the
    event last happened since which the window is.
    """

    times: list[int] = field(default_factory=list, name="t")
    held: list[Cell] = field(default_factory=list, name="h")
    cells: dict[int, Cell] = field(default_factory=dict, name="c")
    mark: int | None = field(default=None, name="m")
