"""Leaves out of a request what the model does not have, as the catalogue knows it."""

from dataclasses import replace

from billing.catalogue import capabilities
from execution.database import in_database
from flows.engine.node_type import ModelRequest


async def fitted(request: ModelRequest, model: str) -> ModelRequest:
    """The request for this `provider/name`, without a setting that it would be refused for.

    Where nothing is known of the model, as it is. Nothing is asked of the database where the
    request has no such setting, and else at most every half minute.
    """
    if request.temperature is None and request.effort is None:
        return request
    can = await in_database(lambda: capabilities(model))
    effort = request.effort if can.has("effort") else None
    temperature = request.temperature if can.takes_temperature(effort) else None
    return replace(request, effort=effort, temperature=temperature)
