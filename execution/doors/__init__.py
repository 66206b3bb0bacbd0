"""What stands behind the doors of `flows.engine.doors`: one module each."""
