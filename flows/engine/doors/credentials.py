"""The door to a workspace's stored secrets."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class OpenedCredential:
    """A credential with its secret in the clear; to be used and forgotten within the node."""

    name: str
    type: str
    settings: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)


class Credentials(Protocol):
    """Opens what is stored in the workspace of the run, and nothing else."""

    def open(
        self, reference: str, types: Sequence[str], *, field: str = "credential"
    ) -> AbstractAsyncContextManager[OpenedCredential]:
        """The credential of that name or id, for one call within its limits.

        `types` are those that fit; `field` is the setting that an error names. What it holds is
        masked in everything that the node hands on from then. Raises NodeError: credential_missing,
        credential_unfit, credential_unreadable, credential_busy.
        """

    def masked(self, text: str) -> str:
        """The text without what was opened: for what is cut, where half a secret may be left."""
