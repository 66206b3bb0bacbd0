"""REST view of the models that a workspace can call."""

from typing import Any, ClassVar

from rest_framework.response import Response

from billing.catalogue import offer_payload
from billing.model_facts import CAPABILITIES
from execution.offered_models import offered
from fluxprompt.api.openapi import call, component, page_of
from fluxprompt.api.views import ApiView

JSON = Any
_COUNT = {"type": ["integer", "null"]}
_PRICE = {"type": ["string", "null"], "description": "US dollars per million tokens."}
_CACHED = {**_PRICE, "description": "Null: these tokens count as other input."}
MODEL = component(
    "Model",
    {
        "type": "object",
        "required": ["model", "title", "capabilities", "prices", "source"],
        "properties": {
            "model": {"type": "string", "description": "As nodes write it: provider/name."},
            "title": {"type": "string"},
            "context_tokens": _COUNT,
            "max_output_tokens": _COUNT,
            "capabilities": {
                "type": "array",
                "items": {"type": "string", "enum": list(CAPABILITIES)},
                "description": "What it can do; settings that it does not have are left out.",
            },
            "prices": {
                "type": ["object", "null"],
                "description": "Null: not known, or not by tokens.",
                "properties": {
                    "input": _PRICE,
                    "output": _PRICE,
                    "cache_read": _CACHED,
                    "cache_write": _CACHED,
                    "rises": {"type": "boolean", "description": "Long requests cost more."},
                    "currency": {"type": "string"},
                },
            },
            "source": {"type": "string", "description": "Where the prices are from."},
        },
    },
)
MODEL_EXAMPLE: dict[str, JSON] = {
    "model": "anthropic/claude-haiku-5-5",
    "title": "Claude Haiku 5.5",
    "context_tokens": 1_000_000,
    "max_output_tokens": 128_000,
    "capabilities": ["vision", "documents", "tools", "structured_output", "effort", "streaming"],
    "prices": {
        "input": "0.1",
        "output": "0.5",
        "cache_read": "0.01",
        "cache_write": "0.125",
        "rises": True,
        "currency": "USD",
    },
    "source": "genai-prices@0.2.3",
}


class ModelsView(ApiView):
    """The catalogue, as far as the workspace's providers serve it."""

    required_action: ClassVar = {"GET": "workspace.read"}

    @call(
        "list_models",
        "List the models that the workspace can call, with what they can do and cost",
        {200: ("All of them", page_of(MODEL), {"results": [MODEL_EXAMPLE], "next": None})},
        description="Other names can be called too: these are those that the catalogue knows.",
        tag="Models",
    )
    def get(self, request: Any) -> Response:
        results = [offer_payload(offer) for offer in offered(self.actor.workspace_id)]
        return Response({"results": results, "next": None})
