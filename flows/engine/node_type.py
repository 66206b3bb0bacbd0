"""What a node type is, and the doors to the world that an I/O node gets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from flows.engine.doors.credentials import Credentials
from flows.engine.doors.files import Files
from flows.engine.doors.flows import Flows
from flows.engine.doors.knowledge import Knowledge
from flows.engine.doors.mail import Mailer
from flows.engine.doors.mcp import Mcp
from flows.engine.doors.media import Media
from flows.engine.doors.memory import Memories
from flows.engine.doors.sandbox import Sandbox
from flows.engine.doors.sql import Sql
from flows.engine.doors.steps import Steps
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage

#: Work that the drivers of a run do themselves: scopes of their own, time, people, other flows.
Control = Literal["map", "loop", "wait", "approval", "subflow"]
#: Kinds of work that wait in a queue of their own, so that slow ones cannot hold up the others.
Queue = Literal["io", "model", "code"]
#: What a stop node ends.
Leaves = Literal["run", "item", "container"]
Category = Literal["trigger", "ai", "data", "tool", "logic", "code", "human", "output"]
JSON = Any  # a JSON value: None, bool, int, float, str, list, dict with str keys


@dataclass(frozen=True)
class Port:
    """An output port. `label` is what a builder reads beside it."""

    name: str
    label: str = ""


OUT = Port("out")


@dataclass(frozen=True)
class Result:
    """What a node hands on: its output object, and the ports that are live (the rest are dead).

    `ends_run` is the status with which it ends what `leaves` names; `error` is what a failed end
    says, where that is not told by `message` alone.
    """

    output: dict[str, JSON]
    ports: tuple[str, ...] = ("out",)
    ends_run: Literal["succeeded", "failed"] | None = None
    message: str = ""
    leaves: Leaves = "run"
    error: Mapping[str, JSON] | None = None


#: Evaluates what is kept as written (`evaluate: inside`) for one item and its place in the list.
type Each = Callable[[JSON, JSON, int], JSON]


def _no_each(value: JSON, item: JSON, index: int) -> JSON:
    raise RuntimeError("only a node that runs can evaluate for an item")


@dataclass(frozen=True)
class PureInputs:
    """What a pure node may see beside its resolved config.

    `incoming` are the live incoming edges in document order: (source node id, its output).
    `run_inputs` are the validated inputs of the run (used by `input`). `each` reads what the
    config may, and `item` and `index`; all its calls together have one budget. Raises NodeError.
    """

    incoming: tuple[tuple[str, JSON], ...] = ()
    run_inputs: Mapping[str, JSON] = field(default_factory=dict)
    each: Each = _no_each


@dataclass(frozen=True)
class ToolSpec:
    """A tool that a model may call. `input_schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    input_schema: Mapping[str, JSON]


@dataclass(frozen=True)
class ToolCall:
    """A call that a model wants made. `arguments` is None where they were no JSON object."""

    id: str
    name: str
    arguments: dict[str, JSON] | None

    def as_dict(self) -> dict[str, JSON]:
        return {"id": self.id, "name": self.name, "arguments": self.arguments}


@dataclass(frozen=True)
class ModelRequest:
    """One call to a language model. `model` is `provider/name`; empty: the workspace's default.

    `messages` are `{"role": "user"|"assistant", "content": str}`. A user's content may be parts:
    `{"type": "text", "text"}` and `{"type": "file", "name", "media_type", "data": base64}`. After
    an answer with tool calls follow `{"role": "assistant", "content", "tool_calls": [as_dict],
    "said": ModelAnswer.said, "model"}` and a `{"role": "tool", "id", "name", "content": str,
    "is_error"}` for each of them. `schema` is a JSON Schema the answer has to follow. `max_tokens`
    counts output tokens.
    """

    messages: tuple[Mapping[str, Any], ...]
    model: str = ""
    system: str = ""
    schema: Mapping[str, JSON] | None = None
    max_tokens: int | None = None
    effort: str | None = None
    temperature: float | None = None
    tools: tuple[ToolSpec, ...] = ()
    #: Whether it may call them now; what they are it has to be told in any case.
    may_call: bool = True


@dataclass(frozen=True)
class ModelAnswer:
    """What a model answered. `model` is `provider/name` as used; `finish_reason` is one of
    stop, length, refusal, content_filter, tool_calls, context_window, pause. `said` is JSON that
    only the same model understands: the answer as it wants it back in the next request.
    """

    text: str
    usage: ModelUsage
    model: str
    finish_reason: str
    tool_calls: tuple[ToolCall, ...] = ()
    said: JSON = None


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer, read whole. Header names are lower case; `content` is decompressed."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class Context(Protocol):
    """The doors an I/O node has to the world; everything it does goes through here."""

    @property
    def run_id(self) -> str: ...

    @property
    def node_id(self) -> str: ...

    @property
    def path(self) -> tuple[str | int, ...]:
        """The iteration: `("rows", 3)`; empty outside of containers."""

    @property
    def attempt(self) -> int: ...

    @property
    def session_id(self) -> str | None: ...

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this node in this run and iteration; at most 36 letters.

        What a service is given to tell a repeated call from a new one.
        """

    @property
    def steps(self) -> Steps:
        """Steps of its own, for a type with `has_steps`."""

    @property
    def flows(self) -> Flows:
        """Other flows of the workspace."""

    @property
    def credentials(self) -> Credentials:
        """The secrets that the workspace stored."""

    @property
    def memory(self) -> Memories:
        """What is remembered from one run to the next."""

    @property
    def files(self) -> Files:
        """The files that the workspace stored."""

    @property
    def sql(self) -> Sql:
        """The databases that they open."""

    @property
    def mail(self) -> Mailer:
        """The mail servers that they open."""

    @property
    def media(self) -> Media:
        """Models that make or hear pictures and sound."""

    @property
    def mcp(self) -> Mcp:
        """Tools that others offer."""

    @property
    def sandbox(self) -> Sandbox:
        """Where code runs that nobody trusts."""

    @property
    def knowledge(self) -> Knowledge:
        """The workspace's collections of documents."""

    @property
    def seconds_left(self) -> float:
        """Seconds until this attempt is ended by its timeout."""

    async def evaluate(self, written: JSON, names: Mapping[str, JSON]) -> JSON:
        """The value of a field that is kept as written (`evaluate: inside`).

        `names` hold beside those that the config may read, and hide them. All evaluations of an
        attempt have one budget. Raises NodeError.
        """

    async def is_final(self, error: NodeError) -> bool:
        """Whether no other attempt would follow this failure of the node."""

    def emit(self, text: str) -> None:
        """Stream a piece of text to whoever watches; coalesced, never blocking."""

    def restart(self) -> None:
        """What was streamed so far does not count: what is streamed next stands in its place."""

    async def http(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 30,
        max_bytes: int = 50_000_000,
        secret: bool = False,
    ) -> HttpAnswer:
        """One request through the guarded client. Raises NodeError.

        `secret`: it holds a credential, which plain http does not carry to a public address.
        """

    async def model(self, request: ModelRequest) -> ModelAnswer:
        """One model call, streamed to `emit` while it runs; its usage is booked. NodeError."""


# Named here because NodeType has a field called `type`.
type ConfigClass = type[BaseModel]
type PureRun = Callable[[Any, PureInputs], Result]
type IoRun = Callable[[Any, Context], Awaitable[Result]]
type Ports = tuple[Port, ...] | Callable[[Mapping[str, JSON]], tuple[Port, ...]]


@dataclass(frozen=True)
class RetryDefaults:
    """How often a node is tried where it does not say. Seconds are of waiting between attempts.

    `condition` is an expression that decides after a failure; None: the error itself says whether
    it may pass.
    """

    max_attempts: int = 1
    initial_seconds: float = 1
    backoff: float = 2
    max_seconds: float = 30
    condition: str | None = None


@dataclass(frozen=True)
class NodeType:
    """A node type: one folder under flows/nodes, whose node.py ends in `NODE = NodeType(…)`.

    Exactly one of `pure` (runs inside the workflow: deterministic, no I/O, microseconds), `io`
    (runs in an activity) and `control` (the drivers of runs do it) is given, or none for a type
    that never runs (`note`). `queue` is the kind of work an `io` type waits with.
    `ports` may be a function of the raw config (`switch`: a port per case). `port_of` tells from an
    output by which of them the node was left (None: it does not tell); needed where there are
    several.
    `outputs` describes the output object: field name → short type word for completion;
    `outputs_of` does so from the raw config where the fields depend on it (None: not known).
    `timeout_seconds` ends an attempt where the document says nothing else; `seconds_of` tells from
    the raw config how long the work itself may take, so that the attempt lasts at least as long
    (None: the config does not say). For a value that is an expression it gives the longest allowed.
    `idempotent`: whether the work may be done twice without harm, or a function that tells so from
    the checked config; where it may not, only the document's own `retry` repeats a failed attempt.
    `has_steps`: it works in recorded steps (`Context.steps`), and is taken up after a crash where
    it was. `asks` tells from the raw config whether it may wait for people or other flows in them.
    `waits` tells from the raw config whether it waits for people or a moment, which a run in the
    process that was asked cannot.
    """

    type: str
    title: str
    summary: str
    category: Category
    icon: str
    config: ConfigClass
    pure: PureRun | None = None
    io: IoRun | None = None
    control: Control | None = None
    queue: Queue = "io"
    ports: Ports = (OUT,)
    port_of: Callable[[Mapping[str, JSON]], str | None] | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    outputs_of: Callable[[Mapping[str, JSON]], Mapping[str, str] | None] | None = None
    streams: bool = False
    idempotent: bool | Callable[[Any], bool] = True
    has_steps: bool = False
    asks: Callable[[Mapping[str, JSON]], bool] = lambda config: False
    waits: Callable[[Mapping[str, JSON]], bool] = lambda config: False
    timeout_seconds: float = 60
    seconds_of: Callable[[Mapping[str, JSON]], float | None] | None = None
    retry: RetryDefaults = RetryDefaults()
    version: int = 1
    migrate: Callable[[int, dict[str, JSON]], dict[str, JSON]] | None = None

    @property
    def runs(self) -> bool:
        return self.pure is not None or self.io is not None or self.control is not None

    def port_names(self, config: Mapping[str, JSON]) -> tuple[str, ...]:
        """Names of the output ports for this raw config, `error` not included."""
        ports = self.ports(config) if callable(self.ports) else self.ports
        return tuple(port.name for port in ports)

    def may_repeat(self, config: BaseModel) -> bool:
        """Whether doing what this checked config says a second time does no harm."""
        return self.idempotent(config) if callable(self.idempotent) else self.idempotent

    def output_fields(self, config: Mapping[str, JSON]) -> Mapping[str, str] | None:
        """Fields of the output object for this raw config; None where they cannot be known."""
        if self.outputs_of is not None:
            return self.outputs_of(config)
        return self.outputs or None
