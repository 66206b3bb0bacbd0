"""The embedded servers that `up` and the tests run."""
