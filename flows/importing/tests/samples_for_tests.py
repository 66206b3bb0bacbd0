"""The sample files of the importers' tests, and the rates at which their nodes are taken over."""

from collections import Counter
from pathlib import Path

from flows.importing.reading import read
from flows.importing.result import STATUSES, Imported

FOLDER = Path(__file__).parent / "samples"
PRODUCTS = ("n8n", "flowise", "dify")
#: Every secret in a sample begins so.
CANARY = "CANARY"


def files(product: str) -> list[Path]:
    """The samples of a product."""
    return sorted((FOLDER / product).iterdir())


def sample(name: str) -> Imported:
    """The import of one sample, such as n8n/circle.json."""
    return read((FOLDER / name).read_text())


def rates(product: str) -> Counter[str]:
    """How many nodes of all samples of a product have each status."""
    found: Counter[str] = Counter()
    for file in files(product):
        found.update(read(file.read_text()).counts)
    return found


if __name__ == "__main__":
    for product in PRODUCTS:
        found = rates(product)
        total = sum(found.values())
        shares = ", ".join(f"{s} {found[s]} ({100 * found[s] / total:.0f} %)" for s in STATUSES)
        print(f"{product}: {len(files(product))} files, {total} nodes: {shares}")
