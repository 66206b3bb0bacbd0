"""Doors to the world beyond HTTP and models: one module each, kept by `execution.doors`."""
