"""Which figures may be public (P9, P11): none from which a person could be recognised. Pure; no I/O."""

from __future__ import annotations

from collections.abc import Sequence

#: Fewer cases than this are not counted publicly: who knows one of them would recognise it. Statistics Indonesia and
#: most others publish no cell of fewer than three to five; the higher one, as a village is small.
FEWEST = 5


def masked(count: int) -> int | None:
    """The count; None from one to four. None at all is nobody's."""
    return None if 0 < count < FEWEST else count


def masked_row(counts: Sequence[int]) -> list[int | None]:
    """Counts that stand beside each other. Where one alone is masked, the smallest other is too: else it were their
    sum less the rest."""
    shown = [masked(count) for count in counts]
    if shown.count(None) == 1 and any(shown):
        shown[min((count, place) for place, count in enumerate(shown) if count)[1]] = None
    return shown
