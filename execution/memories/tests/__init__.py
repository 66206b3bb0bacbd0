"""Tests of what flows remember."""
