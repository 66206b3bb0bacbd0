"""What a model call has used so far: booked where the call is cut off before its provider says."""

from execution.providers.base import Emit
from execution.providers.turns import parts_of
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import ModelRequest

#: Bytes of UTF-8 for one token of usual text; providers bill by their own tokenizers.
BYTES_PER_TOKEN = 4


class Tally:
    """Counts one call while it streams; `emit` is where its text goes on to."""

    def __init__(self, request: ModelRequest, emit: Emit) -> None:
        self._request = request
        self._emit = emit
        self._said = ModelUsage()
        self._bytes = 0
        self._final = False
        self.begun = False

    def emit(self, text: str) -> None:
        """A piece of the answer."""
        self.begun = True
        self._final = False  # what comes now is in no count yet
        self._bytes += len(text.encode("utf-8", "replace"))
        self._emit(text)

    def counted(self, usage: ModelUsage, final: bool) -> None:
        """What the provider says was used so far; `final`: this is what it bills."""
        self.begun = True
        self._said = usage
        self._final = final

    @property
    def estimated(self) -> bool:
        """Whether `usage` is more than the provider said."""
        return not self._final

    def usage(self) -> ModelUsage:
        """The tokens so far: as the provider said at the end, else estimated from the text."""
        if self._final:
            return self._said
        return ModelUsage(
            input_tokens=self._said.input_tokens or self._asked(),
            output_tokens=max(self._said.output_tokens, _tokens(self._bytes)),
            cache_read_tokens=self._said.cache_read_tokens,
            cache_write_tokens=self._said.cache_write_tokens,
        )

    def _asked(self) -> int:
        contents = (message["content"] for message in self._request.messages)
        # Of files nobody can tell how many tokens they are.
        parts = [part for content in contents for part in parts_of(content)]
        texts = [self._request.system, *(part for part in parts if isinstance(part, str))]
        return _tokens(sum(len(text.encode("utf-8", "replace")) for text in texts))


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
