"""Language model providers: one module each, whose SDK is imported when it is first used."""
