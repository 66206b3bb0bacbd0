"""Pictures and sound of the OpenAI node of n8n."""

from collections.abc import Callable
from typing import Any

from flows.importing.code import Code, braced
from flows.importing.draft import Keys, Shape
from flows.importing.models import model_name
from flows.importing.n8n.files import file_of
from flows.importing.source import mapping, words
from flows.importing.steps import Step

JSON = Any
_QUALITIES = ("low", "medium", "high", "standard", "hd")
_FORMATS = ("mp3", "wav", "opus", "aac", "flac")


def _named(step: Step, default: str) -> str:
    config = step.config
    chosen = config.get("modelId") or config.get("model") or config.get("imageModel")
    name, _ = model_name("openai", chosen or default)
    if not name:
        name = f"openai/{default}"
        step.changed(f"The file names no model that is fixed: {name} is asked.")
    return name


def image(step: Step) -> None:
    """Make a picture."""
    options = mapping(step.config.get("options"))
    made: dict[str, JSON] = {"model": _named(step, "gpt-image-1")}
    made["prompt"] = step.text(step.config.get("prompt"))
    size = words(options.get("size") or options.get("dalleSize") or step.config.get("size"))
    if size:
        made["size"] = size
    quality = words(options.get("quality") or options.get("dalleQuality"))
    if quality in _QUALITIES:
        made["quality"] = quality
    if options.get("returnImageUrls") is True:
        step.changed("The picture is stored as a file; its address is that of the file.")
    fields: dict[Keys, Keys] = {("$binary", "data"): ("file",), ("url",): ("file", "url")}
    step.become("image", made, shape=Shape(fields=fields))


def analyze(step: Step) -> None:
    """Ask a model about a picture."""
    config = step.config
    made: dict[str, JSON] = {"prompt": step.text(config.get("text"))}
    made["model"] = _named(step, "gpt-5-mini")
    if words(config.get("inputType"), "url") == "url":
        step.changed("A picture at an address has to be a file: attach one.")
        missing_file = step.failed(words(config.get("imageUrls")), "a file is attached here")
        made["attachments"] = [braced(missing_file)]
    else:
        names = words(config.get("binaryPropertyName"), "data").split(",")
        made["attachments"] = [braced(_file(step, name.strip())) for name in names]
    fields: dict[Keys, Keys] = {("content",): ("text",), ("0", "content", "0", "text"): ("text",)}
    step.become("llm", made, shape=Shape(fields=fields))


def _file(step: Step, name: str) -> Code:
    found = file_of(step, name)
    if found is not None:
        return found
    return step.failed(f"the file '{name}'", "no step before it gives this file")


def speech(step: Step) -> None:
    """Say a text."""
    options = mapping(step.config.get("options"))
    made: dict[str, JSON] = {"model": _named(step, "gpt-4o-mini-tts")}
    made["text"] = step.text(step.config.get("input"))
    if voice := words(step.config.get("voice")):
        made["voice"] = voice
    form = words(options.get("response_format"))
    if form in _FORMATS:
        made["format"] = form
    if options.get("speed") not in (None, 1):
        step.changed("The speed was left out: say in 'instructions' how it is to be said.")
    name = words(options.get("binaryPropertyOutput"), "data")
    step.become("speech", made, shape=Shape(fields={("$binary", name): ("file",)}))


def transcribe(step: Step) -> None:
    """Write down what is said, or translate it."""
    config = step.config
    options = mapping(config.get("options"))
    made: dict[str, JSON] = {"model": _named(step, "whisper-1")}
    made["file"] = braced(_file(step, words(config.get("binaryPropertyName"), "data")))
    if language := words(options.get("language")):
        made["language"] = language
    if config.get("operation") == "translate":
        step.changed("It is written down in its own language: ask a model to translate it.")
    step.become("transcribe", made, shape=Shape(fields={("text",): ("text",)}))


#: What a node for models makes besides text, by resource and operation.
MADE: dict[tuple[str, str], Callable[[Step], None]] = {
    ("image", "generate"): image,
    ("image", "create"): image,
    ("image", "analyze"): analyze,
    ("audio", "generate"): speech,
    ("audio", "transcribe"): transcribe,
    ("audio", "translate"): transcribe,
}
