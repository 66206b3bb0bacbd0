"""Node types, one folder each: node.py (config and behaviour), README.md (help), test_node.py."""
