"""The REST API over a real socket, with a key of a workspace of its own."""

import time
from typing import Any, Self

import httpx2

from accounts.permissions import Actor
from accounts.services import create_api_key
from execution.tests.flows_for_tests import new_actor
from fluxprompt.testing.live_stack import LiveStack

ENDED = ("succeeded", "failed", "cancelled", "timed_out")


class Api:
    """A program that uses the API of the running stack."""

    def __init__(self, stack: LiveStack, actor: Actor | None = None) -> None:
        self.actor = actor or new_actor()
        _, self.token = create_api_key(self.actor, name="test")
        self.http = httpx2.Client(
            base_url=f"{stack.base_url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of an answer that is no failure. Header names take `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.http.request(method, path, json=body, headers=named)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2_000]}"
        return answer.json()

    def publish(self, document: dict[str, Any]) -> str:
        """Create and publish a flow; its id."""
        flow = self.ask("POST", "/flows", {"document": document})
        self.ask("POST", f"/flows/{flow['id']}/publish", {})
        return str(flow["id"])

    def start(self, flow: str, inputs: dict[str, Any]) -> str:
        """Start a run; its id."""
        return str(self.ask("POST", f"/flows/{flow}/runs", {"inputs": inputs})["id"])

    def run(self, flow: str, inputs: dict[str, Any], seconds: float = 30) -> Any:
        """Start a run and follow it to its end."""
        return self.ended(self.start(flow, inputs), seconds)

    def ended(self, run: str, seconds: float = 30) -> Any:
        """The run, as soon as it has ended."""
        deadline = time.monotonic() + seconds
        while (shown := self.ask("GET", f"/runs/{run}"))["status"] not in ENDED:
            assert time.monotonic() < deadline, f"run {run} is {shown['status']}"
            time.sleep(0.05)
        return shown

    def nodes(self, run: str) -> list[Any]:
        """Every attempt of every node."""
        return list(self.ask("GET", f"/runs/{run}/nodes?limit=200")["results"])
