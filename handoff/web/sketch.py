"""Where a point lies on the sketch of Indonesia (`templates/petugas_case_map.html`): no tiles, nobody else is asked."""

from __future__ import annotations

WEST, EAST, NORTH, SOUTH = 94.0, 142.0, 7.0, -12.0


def point(latitude: float, longitude: float) -> tuple[float, float] | None:
    """The place in the sketch's own units, one for a degree, from its north-west corner; None beyond its edges."""
    if not (WEST <= longitude <= EAST and SOUTH <= latitude <= NORTH):
        return None
    return round(longitude - WEST, 2), round(NORTH - latitude, 2)
