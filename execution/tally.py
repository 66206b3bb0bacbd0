"""What a model call has used so far: booked where the call is cut off before its provider says."""

from execution.providers.base import Emit
from flows.engine.node_type import ModelRequest, ModelUsage

#: Bytes of UTF-8 for one token of usual text; providers bill by their own tokenizers.
BYTES_PER_TOKEN = 4


class Tally:
    """Counts one call while it streams; `emit` is where its text goes on to."""

    def __init__(self, request: ModelRequest, emit: Emit) -> None:
        self._request = request
        self._emit = emit
        self._said = ModelUsage()
        self._bytes = 0
        self.begun = False

    def emit(self, text: str) -> None:
        """A piece of the answer."""
        self.begun = True
        self._bytes += len(text.encode("utf-8", "replace"))
        self._emit(text)

    def counted(self, usage: ModelUsage) -> None:
        """What the provider says was used so far."""
        self.begun = True
        self._said = usage

    def usage(self) -> ModelUsage:
        """The tokens so far: as the provider said, else estimated from the text."""
        return ModelUsage(
            input_tokens=self._said.input_tokens or self._asked(),
            output_tokens=max(self._said.output_tokens, _tokens(self._bytes)),
            cache_read_tokens=self._said.cache_read_tokens,
            cache_write_tokens=self._said.cache_write_tokens,
        )

    def _asked(self) -> int:
        texts = [self._request.system, *(str(m["content"]) for m in self._request.messages)]
        return _tokens(sum(len(text.encode("utf-8", "replace")) for text in texts))


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
