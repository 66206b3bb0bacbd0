"""What a builder reads when a mail was not sent, or when nobody knows."""

from execution.egress_sockets import FIELD
from flows.engine.errors import NodeError


def not_set_up() -> NodeError:
    return NodeError(
        "mail_not_set_up",
        "Name a credential of the type 'Mail server (SMTP)': this installation does not send the "
        "mails of flows by its own server. Its operator can allow that with FLUX_FLOW_MAIL.",
        field=FIELD,
    )


def login_refused(host: str, code: int, said: str) -> NodeError:
    passing = code < 500
    return NodeError(
        "login_refused",
        f"'{host}' did not let us in: {said}. Check the credential.",
        retryable=passing,
        refused=passing,
        field=FIELD,
        details={"host": host, "code": code},
    )


def no_encryption(host: str, said: str) -> NodeError:
    return NodeError(
        "login_refused",
        f"'{host}' does not offer what the credential asks for: {said.rstrip('.')}. Check its "
        "port and encryption.",
        field=FIELD,
        details={"host": host},
    )


def refused(host: str, said: str, code: int) -> NodeError:
    """Codes 4xx say: try again later."""
    passing = code < 500
    advice = "It may pass: try again later." if passing else "Check the addresses and the sender."
    return NodeError(
        "mail_refused",
        f"'{host}' did not take the mail: {said}. {advice}",
        retryable=passing,
        refused=passing,
        details={"host": host, "code": code},
    )


def timed_out(host: str, seconds: float) -> NodeError:
    return NodeError(
        "timeout",
        f"'{host}' did not take the mail within {seconds:g} seconds; it was not sent.",
        retryable=True,
        refused=True,
        details={"host": host},
    )


def unconfirmed(host: str) -> NodeError:
    return NodeError(
        "mail_unconfirmed",
        f"The connection to '{host}' broke while the mail was being sent: it may have arrived or "
        "not. It is not sent again by itself; ask the recipient, or run this step anew.",
        details={"host": host},
    )
