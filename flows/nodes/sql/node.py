"""One statement in a database of the workspace."""

from typing import Any

from pydantic import Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.sql import SqlQuery
from flows.engine.expressions import has_expression
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults
from flows.engine.seconds import seconds_from
from flows.engine.sql_text import MAX_PARAMETERS

MAX_SECONDS = 600
MAX_ROWS = 10_000
MAX_QUERY = 100_000


class Config(NodeConfig):
    credential: Text = Field(
        title="Database",
        description="A credential of the type PostgreSQL or MySQL database.",
        min_length=1,
        max_length=200,
        json_schema_extra={"widget": "credential", "types": ["postgresql", "mysql"]},
    )
    query: str = Field(
        title="Query",
        description="One SQL statement; $1 stands for the first parameter. No expressions.",
        min_length=1,
        max_length=MAX_QUERY,
        json_schema_extra={"widget": "sql", "evaluate": "never"},
    )
    parameters: list[Any] = Field(
        default=[],
        title="Parameters",
        description="Values for $1, $2, …; they are data to the database, whatever they hold.",
        max_length=MAX_PARAMETERS,
    )
    max_rows: int = Field(
        default=1_000,
        title="Rows at most",
        description="How many rows are handed on; 'truncated' tells that there were more.",
        ge=1,
        le=MAX_ROWS,
    )
    read_only: bool = Field(
        default=True,
        title="Read only",
        description="Whether the database refuses to change anything. Off: what is done is kept.",
    )
    timeout_seconds: float = Field(
        default=30,
        title="Timeout",
        description="Seconds to wait for the answer.",
        gt=0,
        le=MAX_SECONDS,
    )

    @field_validator("query")
    @classmethod
    def _as_written(cls, query: str) -> str:
        if has_expression(query):
            raise ValueError(
                "expressions are not put into the query, where they could change what it does; "
                "write $1 and put the expression into 'parameters'"
            )
        return query


async def run(config: Config, ctx: Context) -> Result:
    """Run the statement. Raises what `Sql.run` raises."""
    query = SqlQuery(
        config.query,
        tuple(config.parameters),
        config.max_rows,
        config.read_only,
        config.timeout_seconds,
    )
    answer = await ctx.sql.run(config.credential, query)
    return Result(
        {"rows": answer.rows, "count": answer.count, "truncated": answer.truncated},
    )


NODE = NodeType(
    type="sql",
    title="SQL query",
    summary="Asks a PostgreSQL or MySQL database, or changes what is in it.",
    category="data",
    icon="database",
    config=Config,
    io=run,
    outputs={"rows": "list", "count": "number", "truncated": "boolean"},
    idempotent=lambda config: config.read_only,
    timeout_seconds=60,
    seconds_of=seconds_from("timeout_seconds", MAX_SECONDS),
    retry=RetryDefaults(max_attempts=3, initial_seconds=1, backoff=2, max_seconds=30),
)
