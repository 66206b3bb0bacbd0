"""Tables of a web page as Markdown; those that only place parts of the page are none."""

from flows.engine.web_page import Element


class Table:
    """A table of data while it is read."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []

    def start(self, tag: str) -> bool:
        """Whether a cell begins."""
        if tag == "tr":
            self._rows.append([])
        return tag in ("td", "th")

    def add(self, said: str) -> None:
        if self._rows:
            self._rows[-1].append(said.replace("|", "\\|"))

    def lines(self) -> list[str]:
        rows = [row for row in self._rows if any(row)]
        if not rows:
            return []
        # As wide as the widest row; the others may be shorter (GFM, "Tables").
        width = max(len(row) for row in rows)
        head = rows[0] + [""] * (width - len(rows[0]))
        return [_row(head), f"|{' --- |' * width}", *map(_row, rows[1:])]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def is_data(table: Element) -> bool:
    """Whether a table holds data, and is not there to place parts of a page."""
    from lxml import etree

    if table.find(".//table") is not None or table.find(".//tr") is None:
        return False
    columns = max(len(row) for row in table.iter("tr"))
    blocks = etree.ETXPath("boolean(.//h1|.//h2|.//h3|.//h4|.//ul|.//ol|.//pre|.//blockquote)")
    return columns > 1 and not blocks(table)
