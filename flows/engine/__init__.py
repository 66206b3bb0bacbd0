"""The pure engine: documents, graphs, validation, expressions and the plan of a run.

No clock, no randomness, no I/O, no framework: the same code runs inside the Temporal workflow,
in validation, in tests and wherever else a flow has to be understood.
"""
