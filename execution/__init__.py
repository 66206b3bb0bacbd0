"""How a flow runs: run records, the Temporal workflow, activities, providers and live updates."""
