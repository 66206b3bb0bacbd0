"""Fetches the pages of a long answer one after the other."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from flows.engine.errors import NodeError
from flows.engine.node_type import Context
from flows.engine.web_call import MAX_BYTES, WebCall, is_idempotent
from flows.nodes.http.asking import MAX_SECONDS, Clock, ask_patiently
from flows.nodes.http.links import links_in
from flows.nodes.http.polling import looking

JSON = Any
#: One page by its call and number: the output that it makes, and the address that answered.
type AskFor = Callable[[WebCall, int], Awaitable[tuple[dict[str, JSON], str]]]
#: What `items` may read; and what `next` may.
NAMES: dict[str, JsonValue] = {
    "status": "number",
    "headers": "object",
    "json": "any",
    "text": "text",
    "links": "object",
    "page": "number",
    "items": "list",
    "count": "number",
}
_PORTS = {"http": 80, "https": 443}


class Paginate(BaseModel):
    """Where the next page is, and what is collected of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    next: Any = Field(
        title="Next",
        description="The address of the next page, or an object of parameters; null ends it. With "
        "json, headers, links, page, items and count.",
    )
    into: Literal["query", "body"] = Field(
        default="query", title="Into", description="Where the parameters are set."
    )
    items: str = Field(
        default="",
        title="Items",
        description="The list of a page: {{ json.results }}. Empty: the answer is the list.",
    )
    max_pages: int = Field(
        default=20, title="Pages", description="Most pages that are fetched.", ge=1, le=1_000
    )
    max_items: int = Field(
        default=10_000, title="Items at most", description="The rest is left.", ge=1, le=100_000
    )
    max_seconds: float = Field(
        default=300,
        title="At most",
        description="Seconds for all pages together.",
        ge=1,
        le=MAX_SECONDS,
    )

    @field_validator("next", "items")
    @classmethod
    def _changes(cls, written: JSON) -> JSON:
        return looking(written) if isinstance(written, str) and written.strip() else written


class Pages:
    """Goes from page to page of one call."""

    def __init__(self, call: WebCall, wanted: Paginate, ask: AskFor, ctx: Context) -> None:
        self._call = call
        self._wanted = wanted
        self._ask = ask
        self._ctx = ctx
        self._clock = Clock(ctx, wanted.max_seconds)
        self._items: list[JSON] = []
        self._bytes = 0

    async def all(self) -> dict[str, JSON]:
        """The last page's output with `items` and `pages`, and whether there were more.

        Raises NodeError, also pages_repeat, pages_elsewhere and pages_timeout.
        """
        call: WebCall | None = self._call
        seen: set[str] = set()
        page = 0
        while call is not None:
            place = json.dumps([call.url, call.query, call.body], sort_keys=True)
            if place in seen:
                raise _unfit("pages_repeat", f"Page {page + 1} would be one that was there before")
            seen.add(place)
            answer, url = await self._page(call, page + 1)
            page += 1
            names = {name: answer[name] for name in ("status", "headers", "json", "text")}
            names |= {"links": links_in(answer["headers"].get("link", "")), "page": page}
            items = await self._collect(names)
            names |= {"items": items, "count": len(self._items)}
            call = await self._next(names, url)
            if page >= self._wanted.max_pages or len(self._items) >= self._wanted.max_items:
                break
        kept = self._items[: self._wanted.max_items]
        more = call is not None or len(kept) < len(self._items)
        return {**answer, "items": kept, "pages": page, "has_more": more}

    async def _page(self, call: WebCall, number: int) -> tuple[dict[str, JSON], str]:
        url = call.url

        async def ask() -> dict[str, JSON]:
            nonlocal url
            answer, url = await self._ask(call, number)
            return answer

        if number == 1:
            answer = await ask()
        elif self._clock.left <= 0:
            raise _unfit(
                "pages_timeout",
                f"Only {number - 1} pages came within {self._wanted.max_seconds:g} s. Raise "
                "paginate.max_seconds, or lower paginate.max_pages",
            )
        else:
            answer = await ask_patiently(ask, self._clock, repeatable=is_idempotent(call))
        self._bytes += len(answer["text"])
        if self._bytes > MAX_BYTES:
            raise _unfit(
                "too_large",
                f"{number} pages hold more than {MAX_BYTES:,} characters. Lower "
                "paginate.max_pages, or ask for less of each item",
            )
        return answer, url

    async def _collect(self, names: dict[str, JSON]) -> list[JSON]:
        """The items of a page, which are kept as well."""
        found = names["json"]
        if self._wanted.items.strip():
            found = await self._evaluated(self._wanted.items, names, "items")
        if found is None:
            found = []
        if not isinstance(found, list):
            message = "This is no list. Say where the list is, such as {{ json.results }}"
            raise _unfit("items_not_a_list", message, "items")
        self._items += found
        return found

    async def _next(self, names: dict[str, JSON], url: str) -> WebCall | None:
        """The call for the next page; None where this one was the last."""
        found = await self._evaluated(self._wanted.next, names, "next")
        if is_end(found):
            return None
        if isinstance(found, dict):
            return self._with_parameters(found)
        if not isinstance(found, str):
            message = "This is neither an address, an object of parameters, nor null"
            raise _unfit("next_invalid", message)
        return self._call.model_copy(update={"url": self._same_origin(found, url), "query": {}})

    def _with_parameters(self, parameters: dict[str, JSON]) -> WebCall:
        """The first call, with these set."""
        if self._wanted.into == "query":
            return self._call.model_copy(update={"query": {**self._call.query, **parameters}})
        body = {} if self._call.body is None else self._call.body
        if not isinstance(body, dict):
            raise _unfit("next_invalid", "The body has to be an object to set parameters in it")
        return self._call.model_copy(update={"body": {**body, **parameters}})

    def _same_origin(self, found: str, url: str) -> str:
        """The address, which is that of the first page's service. Raises NodeError.

        What an answer says must not send headers or a credential elsewhere.
        """
        try:
            address = urljoin(url, found.strip())
            same = origin_of(address) == origin_of(self._call.url)
        except ValueError:
            same = False
        if not same:
            shown = self._ctx.credentials.masked(found)[:200]
            raise _unfit(
                "pages_elsewhere",
                f"The next page, '{shown}', is not at the origin of the first. If the address of "
                "the node redirects, begin where it leads to",
            )
        return address

    async def _evaluated(self, written: JSON, names: dict[str, JSON], field: str) -> JSON:
        try:
            return await self._ctx.evaluate(written, names)
        except NodeError as error:
            error.field = f"paginate.{field}"
            if error.code == "expression_unknown_name":
                error.message += " Where the last page lacks it, write | default(none)."
            raise


def is_end(found: JSON) -> bool:
    """Whether this says that there is no next page."""
    if isinstance(found, dict):
        return all(value is None for value in found.values())
    return found is None or found is False or found == ""


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host (with what is before an @, which is never called) and port. ValueError."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host = f"{user}{at}{parts.hostname or ''}"
    return parts.scheme, host, parts.port or _PORTS.get(parts.scheme)


def _unfit(code: str, problem: str, field: str = "next") -> NodeError:
    return NodeError(code, f"'paginate.{field}': {problem}.", field=f"paginate.{field}")
