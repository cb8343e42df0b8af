"""Refused records of a run's feed: why, which cell is behind each, whether it is fixed, and what a person can do."""
