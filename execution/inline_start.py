"""Starts inline runs: whole at once where they only compute, else in this process's loop."""

from typing import Any

from django.db import transaction

from execution.blobs import NewBlob
from execution.dispatch import run_input
from execution.inline import InlineRun
from execution.inline_loop import inline_loop
from execution.models import Run
from execution.pinned import Pinned
from execution.rerun import reuse_for_inline
from execution.run_document import graph_of_run

JSON = Any


def start_inline(
    run: Run, pinned: Pinned, blobs: list[NewBlob], variables: dict[str, JSON]
) -> None:
    """Carry out a run in this process. A run that only computes is over when this returns."""
    start = run_input(run, pinned, variables)
    inline = InlineRun(run, graph_of_run(run, pinned), start, reuse_for_inline(run, start))
    if inline.is_begun_with(blobs):
        return
    loop = inline_loop()
    loop.wait_until_held()
    run.held_by = loop.number
    inline.write(blobs)
    # A transaction around this one may still be rolled back; then nothing runs.
    transaction.on_commit(lambda: loop.go_on(inline))
