"""Programs that measure FluxPrompt and print figures; see docs/benchmarks.md."""
