"""Why a file was not stored, in words for whoever asked."""


class FileRefused(Exception):
    """The file cannot be stored. Codes: file_too_large, file_type_refused, storage_full,
    idempotency_key_reused, file_storage_unavailable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
