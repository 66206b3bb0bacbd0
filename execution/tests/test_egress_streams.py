"""Whether an idle connection was closed by the other side, asked often."""

import socket

import httpcore2
import pytest

from execution.egress_streams import ProbedStream


class Plain(httpcore2.AsyncNetworkStream):
    """The library's stream as far as the probe needs it."""

    def __init__(self, held: socket.socket | None) -> None:
        self.held = held

    def get_extra_info(self, info: str) -> object:
        return self.held if info == "socket" else f"its {info}"


def test_a_silent_connection_may_be_used_again_and_a_closed_one_not() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = ProbedStream(Plain(ours))
        assert stream.get_extra_info("is_readable") is False
        theirs.close()
        assert stream.get_extra_info("is_readable") is True


def test_a_connection_closed_here_is_never_taken_for_another_with_its_number() -> None:
    ours, theirs = socket.socketpair()
    stream = ProbedStream(Plain(ours))
    ours.close()
    again, other = socket.socketpair()
    with theirs, again, other:
        assert stream.get_extra_info("is_readable") is True


@pytest.mark.parametrize("info", ["server_addr", "ssl_object"])
def test_everything_else_is_said_by_the_connection_itself(info: str) -> None:
    assert ProbedStream(Plain(None)).get_extra_info(info) == f"its {info}"


def test_what_has_no_socket_is_not_used_again() -> None:
    assert ProbedStream(Plain(None)).get_extra_info("is_readable") is True
