"""Asks one model after the other until one of them answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.node_type import Context

#: Failures of a model that another one need not have: no reason to try the same one again first.
AT_ONCE = frozenset(
    {
        *("model_unknown", "model_not_configured", "model_auth", "model_quota"),
        *("model_unavailable", "model_rate_limited", "model_context_window", "model_refused"),
    }
)
#: Failures that are none of the model's: every other one would meet them too.
SHARED = frozenset({"budget_exceeded", "config_invalid", "output_cut"})
#: Characters of each failure that are kept.
_SHOWN = 300


async def first_answer[T](
    models: Sequence[str], ask: Callable[[str], Awaitable[T]], ctx: Context
) -> tuple[T, list[dict[str, Any]]]:
    """The first answer, and which models failed before it: `{model, code, message}` each.

    The next model is asked at once where another one may do better, and else where the node would
    not be tried again. Raises the NodeError of a model that may be tried again, else the first's.
    """
    if len(models) == 1:
        return await ask(models[0]), []
    errors: list[NodeError] = []
    failed: list[dict[str, Any]] = []
    for position, model in enumerate(models):
        others = len(models) - position - 1
        try:
            return await _in_its_share(model, ask, ctx, others), failed
        except NodeError as error:
            errors.append(error)
            name = model or "the default model"
            failed.append({"model": name, "code": error.code, "message": error.message[:_SHOWN]})
            if error.code in SHARED or not (error.code in AT_ONCE or await ctx.is_final(error)):
                raise
            if others:
                ctx.restart()
    raise await _of_all(errors, failed, ctx)


async def _in_its_share[T](
    model: str, ask: Callable[[str], Awaitable[T]], ctx: Context, others: int
) -> T:
    """Ask; in the last attempt within a share of its time, so that the other models have theirs."""
    if not others or not await ctx.is_final(_too_slow(model, 0)):
        return await ask(model)
    share = ctx.seconds_left / (others + 1)
    try:
        async with asyncio.timeout(share):
            return await ask(model)
    except TimeoutError:
        raise _too_slow(model, share) from None


def _too_slow(model: str, seconds: float) -> NodeError:
    name = model or "default model"
    message = f"The {name} gave no whole answer within {seconds:.3g} s, its share of the time."
    return NodeError("timeout", message, retryable=True)


async def _of_all(
    errors: Sequence[NodeError], failed: Sequence[dict[str, Any]], ctx: Context
) -> NodeError:
    """The error of a node all of whose models failed: one that may pass goes before the others."""
    chosen = errors[0]
    for error in errors:
        if not await ctx.is_final(error):
            chosen = error
            break
    others = [fact for fact, error in zip(failed, errors, strict=True) if error is not chosen]
    told = "; ".join(f"{fact['model']} ({fact['code']})" for fact in others)
    chosen.message = f"{chosen.message} The other models failed as well: {told}."
    chosen.details = {**chosen.details, "fallbacks": list(failed)}
    return chosen
