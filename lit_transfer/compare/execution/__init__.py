"""Execution of the runs of a plan: data and vectors read once, in this process, in parallel ones, or on a cluster."""
