"""Content negotiation that never answers 406."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from fluxprompt.api.parsing import YAML_PARSERS

_YAML = tuple(parser.media_type for parser in YAML_PARSERS)


class LenientNegotiation(DefaultContentNegotiation):
    """Falls back to JSON where `Accept` names nothing we have."""

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],  # type: ignore[override]
        format_suffix: str | None = None,
    ) -> tuple[Any, str]:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type or "application/json"


def prefers_yaml(request: HttpRequest | Request) -> bool:
    """Whether `Accept` puts YAML before JSON by its weights; JSON where it says nothing of both."""
    try:
        preferred = request.get_preferred_type(["application/json", *_YAML])
    except ValueError:  # a header beyond what can be read
        return False
    return preferred in _YAML
