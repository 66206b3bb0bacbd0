"""Collections of documents that flows search: chunks, embeddings and words in PostgreSQL."""
