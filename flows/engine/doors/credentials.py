"""The door to a workspace's stored secrets."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class OpenedCredential:
    """A credential with its secret in the clear; to be used and forgotten within the node.

    Of an OAuth 2.0 client it is `token`, an access token; `renew` fetches another where a service
    refused it (401), and is None for what does not change by itself.
    """

    name: str
    type: str
    settings: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)
    renew: "Callable[[], Awaitable[OpenedCredential]] | None" = field(
        default=None, repr=False, compare=False
    )


class Credentials(Protocol):
    """Opens what is stored in the workspace of the run, and nothing else."""

    def open(
        self, reference: str, types: Sequence[str], *, field: str = "credential"
    ) -> AbstractAsyncContextManager[OpenedCredential]:
        """The credential of that name or id, for one call within its limits.

        `types` are those that fit; `field` is the setting that an error names. What it holds is
        masked in everything that the node hands on from then. Raises NodeError: credential_missing,
        credential_unfit, credential_unreadable, credential_busy, oauth2_refused, oauth2_failed.
        """

    def masked(self, text: str) -> str:
        """The text without what was opened: for what is cut, where half a secret may be left."""
