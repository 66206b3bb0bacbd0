"""What the logs leave out."""

import logging


def without_trace(record: logging.LogRecord) -> bool:
    """For refusals of what strangers send: the line says it all, a stack trace looks like a bug."""
    record.exc_info = None
    record.exc_text = None
    return True
