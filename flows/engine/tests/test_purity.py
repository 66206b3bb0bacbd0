"""The engine loads no framework, and does the same in every process."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

LOADS = """
import sys
import flows.engine.plan, flows.engine.node_call, flows.engine.registry, flows.engine.validate
flows.engine.registry.registry().all()
heavy = [m for m in ("django", "temporalio", "anthropic", "openai", "psycopg") if m in sys.modules]
print(",".join(heavy))
"""

STABLE = """
from flows.engine.document import dump_yaml, parse
from flows.engine.layout import layout
from flows.engine.registry import registry
from flows.engine.validate import validate
from pathlib import Path
for file in sorted(Path("flows/examples").glob("*.yaml")):
    document = parse(file.read_text())
    broken = parse(file.read_text().replace("edges:", "nothing:", 0).replace(".text", ".txet"))
    print(dump_yaml(document), layout(document), validate(broken, registry()))
"""


def run(code: str, seed: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_engine_loads_neither_django_nor_temporal() -> None:
    assert run(LOADS).strip() == ""


def test_results_do_not_depend_on_the_order_of_sets() -> None:
    assert run(STABLE, "1") == run(STABLE, "2")
