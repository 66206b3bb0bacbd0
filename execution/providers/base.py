"""What a provider is, and what a workspace has to open one with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx2

from execution.credential_limits import CallLimits
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelAnswer, ModelRequest

type Emit = Callable[[str], None]
#: Takes what was used so far, and whether nothing is added to it any more.
type Counted = Callable[[ModelUsage, bool], None]


def not_counted(usage: ModelUsage, final: bool) -> None:
    """Nobody asks what the call used before it ended."""


@dataclass(frozen=True)
class Login:
    """How one provider is opened.

    `source` is what an error names (`the credential 'Team key'`, `ANTHROPIC_API_KEY`).
    `trusted`: from the operator's environment, so `base_url` may be a private address.
    `default_model` is a model's name at this provider, offered where a node names none.
    `limits`: of the credential; they make no other login of it.
    """

    api_key: str = field(default="", repr=False)
    base_url: str = ""
    source: str = ""
    trusted: bool = False
    default_model: str = ""
    limits: CallLimits | None = field(default=None, compare=False)

    def address(self, own: str = "") -> str:
        """Where the provider is, `own` where nobody said, without a slash at its end.

        Raises NodeError `url_invalid` for what no client would call.
        """
        address = (self.base_url or own).rstrip("/")
        try:
            httpx2.URL(address)
        except httpx2.InvalidURL as error:
            message = f"The address in {self.source or 'the credential'} cannot be called: {error}."
            raise NodeError("url_invalid", f"{message} Correct it there.") from error
        return address


@dataclass(frozen=True)
class Access:
    """The providers a workspace can use, by the name that begins `provider/model`."""

    logins: Mapping[str, Login] = field(default_factory=dict)


class Provider(Protocol):
    """Calls models of one provider, always streaming."""

    name: str

    async def complete(
        self,
        request: ModelRequest,
        model_name: str,
        *,
        emit: Emit,
        counted: Counted = not_counted,
    ) -> ModelAnswer:
        """The whole answer; `emit` gets each piece of text as it comes. Raises NodeError.

        `counted` gets what the provider says was used so far, where it says so before the end,
        and whether this is its final count of the call.
        Cancelling closes the stream at once, so that the provider stops generating.
        """
