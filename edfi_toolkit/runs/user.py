"""Who runs this, by the login of the system."""

from __future__ import annotations

import getpass

# Logins of machines, containers and hosts, in lower case.
_ACCOUNTS = frozenset({"admin", "administrator", "edfi", "jovyan", "root", "system", "unknown", "user"})


def user_name() -> str:
    """The login name of whoever runs this; `unknown` where the system does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def name_of_a_person() -> str:
    """The login name to offer as a person's own; empty where it names an account that no person is known by."""
    name = user_name()
    return "" if name.casefold() in _ACCOUNTS else name
