"""Measuring what the system does: metrics as functions of arrays, the two experiments, and the report."""
