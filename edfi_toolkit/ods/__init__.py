"""The Ed-Fi API: discovery, login, reading, writing, and what its answers mean.

Concurrency, retries, budgets and tokens live here and nowhere else; order and pairs live in `publishing`, the journal
in `ledger`.
"""

from edfi_toolkit.ods.client import Client
from edfi_toolkit.ods.copies import Pulled, login_of, pull, read_copy
from edfi_toolkit.ods.discovery import Discovery
from edfi_toolkit.ods.problems import Problem
from edfi_toolkit.ods.read import Found
from edfi_toolkit.ods.retry import RetryPolicy, Verdict, judge
from edfi_toolkit.ods.standard import standard_of
from edfi_toolkit.ods.write import Outcome, Write

__all__ = [
    "Client",
    "Discovery",
    "Found",
    "Outcome",
    "Problem",
    "Pulled",
    "RetryPolicy",
    "Verdict",
    "Write",
    "judge",
    "login_of",
    "pull",
    "read_copy",
    "standard_of",
]
