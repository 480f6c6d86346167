"""Learners of rows, and drivers as sources of features: for all that learns from towers."""
