"""One student: what is in the ODS, what is missing and why, and all that led to it."""
