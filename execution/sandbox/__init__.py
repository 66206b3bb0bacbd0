"""Runs the code of code nodes, each call in a fresh process that can reach nothing.

The interpreter (pydantic-monty) has no network, no files and no environment by construction; its
processes are put behind limits of the operating system as well. No process serves two calls.
"""
