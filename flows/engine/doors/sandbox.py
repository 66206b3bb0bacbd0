"""The door to the sandbox: other people's code, in a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

JSON = Any


@dataclass(frozen=True)
class CodeAnswer:
    """What code made of its inputs. `logs` is what it printed, cut with a mark where it is long."""

    value: JSON
    logs: str


class Sandbox(Protocol):
    """Runs code without network, files, environment or anything of another run."""

    async def run(
        self, source: str, inputs: Mapping[str, JSON], *, seconds: float, memory_bytes: int
    ) -> CodeAnswer:
        """Run Python with the inputs as variables; the value is what it left in `result`.

        `seconds` and `memory_bytes` bound the code itself. Raises NodeError: code_failed (with the
        line), code_timeout, code_memory, code_output_too_large, code_result_invalid,
        code_inputs_invalid; code_crashed and code_busy, which may pass.
        """
