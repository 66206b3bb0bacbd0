"""Turns what providers answer and connections do into errors a builder can act on."""

import email.utils
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx2

from accounts.credentials.vault import mask
from execution.providers.base import Login
from flows.engine.errors import NodeError

_CONTEXT = re.compile(
    r"context.?length|context.?window|context size|prompt is too long|too many tokens"
    r"|input is too long",
    re.IGNORECASE,
)
_REFUSAL = re.compile(r"moderation|content.?policy|content.?filter", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient.?quota|credit balance|billing", re.IGNORECASE)
_LONGEST_MESSAGE = 600
#: Too much to do: refused before anything was done (529 is Anthropic's "overloaded").
_BUSY = (503, 529)
#: Errors that providers name in a stream, as the HTTP status they would have had.
_STATUS_OF = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "billing_error": 402,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "timeout_error": 504,
}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from the headers providers use; None where they say nothing."""
    for header, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[header]) / divisor)
        except (KeyError, ValueError):
            continue
    try:
        when = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, when.timestamp() - time.time())


def _facts(body: Any) -> tuple[str, str]:
    """(message, code or type) of an error's body, in any of the shapes servers use."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or ""
        return str(message), str(error.get("code") or error.get("type") or "")
    return (error if isinstance(error, str) else ""), ""


class Failures:
    """The errors of one provider, opened with one login; knows what to mask."""

    def __init__(self, provider: str, login: Login) -> None:
        self._provider = provider
        self._login = login

    def _error(self, code: str, message: str, status: int | None, **facts: Any) -> NodeError:
        details: dict[str, Any] = {"provider": self._provider}
        if status:
            details["status"] = status
        safe = mask(message, [self._login.api_key]) if self._login.api_key else message
        return NodeError(code, safe, details=details, **facts)

    def _said(self, message: str) -> str:
        text = " ".join(message.split())[:_LONGEST_MESSAGE]
        return f" {self._provider} says: {text}" if text else ""

    def of_status(
        self, status: int, body: Any, headers: Mapping[str, str], model: str
    ) -> NodeError:
        """For an answer that is not 2xx, and for an error inside a stream."""
        message, kind = _facts(body)
        said = self._said(message)
        if status in (401, 403):
            refused = f"{self._provider} refused {self._login.source}; check or replace the key."
            return self._error("model_auth", refused + said, status)
        if status == 402 or (status == 429 and _QUOTA.search(f"{kind} {message}")):
            spent = f"The account behind {self._login.source} has no credit left; top it up."
            return self._error("model_quota", spent + said, status)
        if status == 429:
            busy = f"{self._provider} limits the rate of {self._login.source}; wait and try again."
            wait = retry_after(headers)
            return self._error(
                "model_rate_limited",
                busy + said,
                status,
                retryable=True,
                refused=True,
                retry_after=wait,
            )
        if status in (408, 504):
            late = f"{self._provider} did not answer in time."
            return self._error("timeout", late + said, status, retryable=True)
        if status >= 500:
            down = f"{self._provider} cannot answer at the moment ({status})."
            wait = retry_after(headers)
            return self._error(
                "model_unavailable",
                down + said,
                status,
                retryable=True,
                refused=status in _BUSY,
                retry_after=wait,
            )
        return self._refused(status, message, kind, model)

    def _refused(self, status: int, message: str, kind: str, model: str) -> NodeError:
        """The rest of 3xx and 4xx: the request has to change."""
        said = self._said(message)
        if _CONTEXT.search(f"{kind} {message}"):
            long = f"The prompt is too long for {self._provider}/{model}; shorten it."
            return self._error("model_context_window", long + said, status, field="prompt")
        if _REFUSAL.search(f"{kind} {message}"):
            refused = f"{self._provider}/{model} refused to answer; change what is asked."
            return self._error("model_refused", refused + said, status)
        if status == 404:
            unknown = f"{self._provider} has no model '{model}'; check the name."
            return self._error("model_unknown", unknown + said, status, field="model")
        if status < 400:
            moved = f"{self._provider} redirects to another address; set that one as the address."
            return self._error("model_bad_request", moved, status)
        bad = f"{self._provider} refused the request ({status})."
        return self._error("model_bad_request", bad + said, status)

    def in_stream(self, error: Any, model: str) -> NodeError:
        """For an error that came as an event, after the answer had begun."""
        facts = error if isinstance(error, dict) else {"message": str(error)}
        code = facts.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else None
        status = status or _STATUS_OF.get(str(code)) or _STATUS_OF.get(str(facts.get("type")), 500)
        return self.of_status(status, {"error": facts}, {}, model)

    def of_connection(self, error: BaseException) -> NodeError:
        """For a call that failed on its way; the guard's own refusal passes as it is."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, NodeError):
                return cause
            if isinstance(cause, ssl.SSLCertVerificationError):
                trust = f"The certificate of {self._provider}'s server was not accepted: "
                return self._error("model_unavailable", trust + cause.verify_message, None)
            if isinstance(cause, httpx2.TimeoutException):
                late = f"{self._provider} did not answer in time."
                return self._error("timeout", late, None, retryable=True)
            cause = cause.__cause__ or cause.__context__
        lost = f"The connection to {self._provider} failed or broke off: {error}"
        return self._error("model_unavailable", lost, None, retryable=True)

    def bad_answer(self, error: Exception) -> NodeError:
        """For an event that lacks what its kind always has."""
        odd = f"{self._provider}'s server sent an event that cannot be read ({error!r})."
        return self._error("model_bad_answer", odd, None, retryable=True)

    def broken_off(self) -> NodeError:
        """For a stream that ended in good form but before the answer did."""
        cut = f"{self._provider} stopped in the middle of its answer."
        return self._error("model_unavailable", cut, None, retryable=True)
