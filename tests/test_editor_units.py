"""The unit tests of the front end: Node runs the TypeScript as it is."""

import pytest

from fluxprompt.assets import FRONTEND, run_node

FILES = sorted((FRONTEND / "tests").glob("*.test.ts"))


def test_there_are_unit_tests_of_the_editor() -> None:
    assert {"convergence", "model", "sync"} <= {path.name.split(".")[0] for path in FILES}


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_the_unit_tests_of_the_front_end_pass(name: str) -> None:
    done = run_node("--test", "--test-reporter=tap", f"tests/{name}")
    if done.returncode != 0:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)
    assert "# fail 0" in done.stdout
    assert "# tests 0" not in done.stdout


def test_the_types_of_the_front_end_and_its_tests_are_right() -> None:
    done = run_node("node_modules/typescript/bin/tsc", "--noEmit")
    if done.returncode != 0:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)
    assert "error" not in done.stdout
