"""The connection to Temporal: one client per process, usable from sync and async code.

Settings as measured: no gRPC compression on the way to a server next door, payloads encrypted.
`TEMPORAL_API_KEY` and `TEMPORAL_TLS_*` of the environment reach a managed cluster.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import temporalio.converter
from django.conf import settings
from temporalio.client import Client
from temporalio.converter import DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from execution.codec import EncryptingCodec

#: How an absent server answers.
AWAY = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


class TemporalUnreachable(Exception):
    """The Temporal server did not answer in time; what was promised is started later."""


async def connect(*, lazy: bool = False, identity: str | None = None) -> Client:
    """A client for the configured server and namespace; `lazy` connects at first use."""
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config(disable_file=True))
    config["target_host"] = settings.TEMPORAL_ADDRESS
    config["namespace"] = settings.TEMPORAL_NAMESPACE
    return await Client.connect(
        **config,
        lazy=lazy,
        identity=identity,
        grpc_compression=GrpcCompression.NONE,
        data_converter=replace(
            temporalio.converter.default(),
            payload_codec=EncryptingCodec(),
            # Else messages and stack traces of failures, which may quote values, stay readable.
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        ),
    )


class _Bridge:
    """A thread with an event loop and a lazy client, for sync callers such as web views."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="temporal-client", daemon=True).start()
        self.client: Client = asyncio.run_coroutine_threadsafe(
            connect(lazy=True), self.loop
        ).result()


_bridge: _Bridge | None = None
_lock = threading.Lock()


def bridge() -> _Bridge:
    """This process's bridge, made at first use."""
    global _bridge
    if _bridge is None:
        with _lock:
            if _bridge is None:
                _bridge = _Bridge()
    return _bridge


#: After a call that was not answered, others are spared the wait for so many seconds.
SPARED_SECONDS = 2.0
_away_until = 0.0


def run_sync[T](call: Callable[[Client], Coroutine[Any, Any, T]], *, timeout: float = 5) -> T:
    """Make a call on the client's loop and wait for it, at most `timeout` seconds.

    Raises TemporalUnreachable, at once where another call has just waited in vain; an RPCError
    that is an answer (not found, refused) passes.
    """
    global _away_until
    where = settings.TEMPORAL_ADDRESS
    if time.monotonic() < _away_until:
        raise TemporalUnreachable(f"Temporal at {where} has just not answered.")
    future = asyncio.run_coroutine_threadsafe(call(bridge().client), bridge().loop)
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        reason = f"no answer within {timeout:g} s"
    except RPCError as error:
        if error.status not in AWAY:
            raise
        reason = error.message
    except RuntimeError as error:
        # What a lazy client raises when its first connection fails.
        reason = str(error)
    _away_until = time.monotonic() + SPARED_SECONDS
    raise TemporalUnreachable(f"Temporal at {where} does not answer: {reason}")
