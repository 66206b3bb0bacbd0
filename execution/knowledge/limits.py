"""How much knowledge fits, and how it is worked off."""

from flows.engine.chunking import DEFAULT_OVERLAP, DEFAULT_SIZE, LEAST_SIZE, MOST_SIZE

__all__ = ["DEFAULT_OVERLAP", "DEFAULT_SIZE", "LEAST_SIZE", "MOST_SIZE"]

COLLECTIONS_PER_WORKSPACE = 200
DOCUMENTS_PER_COLLECTION = 10_000
CHARACTERS_PER_DOCUMENT = 2_000_000
CHUNKS_PER_WORKSPACE = 1_000_000
#: Bytes of an uploaded file, and of a document's metadata as JSON.
UPLOAD_BYTES = 4 * CHARACTERS_PER_DOCUMENT
METADATA_BYTES = 10_000
NAME_LENGTH, SOURCE_LENGTH = 300, 2_000
QUERY_CHARACTERS = 8_000
MOST_MATCHES = 50
#: Chunks embedded by one call and recorded by one transaction: what a crash may embed twice.
BATCH = 64
#: The offline model takes up to half a second for each, and progress should be seen.
LOCAL_BATCH = 8
#: Chunks of an index that are read one by one; a larger one gets indexes of its own.
READ_UP_TO = 2_000
#: Dimensions that an HNSW index of half-precision vectors takes.
MOST_DIMENSIONS = 4_000
#: Tries of a batch whose failure may pass, with pauses that double up to a minute.
MOST_FAILURES = 12
