"""Files of a workspace: what people upload and what runs make; bytes lie in a Django storage."""
