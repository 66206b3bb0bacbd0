"""The setting of a node that is a JSON Schema."""

from typing import Annotated, Any

from pydantic import AfterValidator

from flows.engine.schemas import check_schema


def _usable(schema: dict[str, Any]) -> dict[str, Any]:
    problem = check_schema(schema)
    if problem:
        raise ValueError(problem.rstrip("."))
    return schema


#: A JSON Schema that values can be checked against; see `flows.engine.schemas.check_schema`.
JsonSchema = Annotated[dict[str, Any], AfterValidator(_usable)]
#: The `json_schema_extra` of its field.
JSON_SCHEMA_HINTS: dict[str, Any] = {"evaluate": "never", "references": True, "widget": "json"}
