"""Places of the cards: those of the source, drawn apart until no card stands on another."""

from collections.abc import Mapping

from flows.engine.layout import CARD_HEIGHT, CARD_WIDTH

#: Room that a card needs, in pixels: cards with ports or a summary are higher than the least.
WIDTH = CARD_WIDTH + 40
HEIGHT = CARD_HEIGHT + 54
_FACTORS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
_FAR = 1e6

type Places = dict[str, tuple[float, float]]


def spread(places: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Whole-numbered places for a document, from the top left corner on.

    The smallest of a few factors is taken at which no cards overlap; where none does it, cards
    are moved down.
    """
    if not places:
        return {}
    left = min(x for x, _ in places.values())
    top = min(y for _, y in places.values())
    moved = {name: (min(x - left, _FAR), min(y - top, _FAR)) for name, (x, y) in places.items()}
    for factor in _FACTORS:
        scaled = {name: (x * factor, y * min(factor, 1.4)) for name, (x, y) in moved.items()}
        if _apart(scaled) == scaled:
            break
    return {name: {"x": round(x), "y": round(y)} for name, (x, y) in _apart(scaled).items()}


def _apart(places: Places) -> Places:
    """The places with cards moved down where one would stand on another."""
    columns: dict[int, list[tuple[float, float]]] = {}
    made: Places = {}
    for name, (x, y) in sorted(places.items(), key=lambda place: (place[1][1], place[1][0])):
        column = int(x // WIDTH)
        near = sorted(
            (other for c in (column - 1, column, column + 1) for other in columns.get(c, ())),
            key=lambda other: other[1],
        )
        for other_x, other_y in near:
            if abs(other_x - x) < WIDTH and abs(other_y - y) < HEIGHT:
                y = other_y + HEIGHT
        columns.setdefault(column, []).append((x, y))
        made[name] = (x, y)
    return {name: made[name] for name in places}
