"""login: key and secret of a target into the system's keyring."""

from __future__ import annotations

from getpass import getpass
from typing import Annotated

import typer

from edfi_toolkit.cli.output import say


def login(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A target in edfi.toml.")],
) -> None:
    """Ask for key and secret of a target, keep them in this system's keyring, and test them. They are shown nowhere.

    A system without a keyring gets the environment variables to set; nothing is asked then. Exit code 2: the target
    does not take the login.

    Example: edfi-toolkit login state
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs.setup import check_target
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.settings.file import target_name
    from edfi_toolkit.settings.keys import has_keyring, save_login, service_of, without_keyring
    from edfi_toolkit.settings.writing import name_keyring

    installation, name = load_settings(), target_name(target)
    known = installation.known_target(name)
    if not has_keyring():
        raise ConfigError(without_keyring(name))
    service = known.keyring or service_of(name, known.base_url)
    say(f"Key and secret of {name}, {known.base_url}. What you type is not shown.")
    key, secret = getpass("Key: "), getpass("Secret: ")
    if known.keyring is None:
        name_keyring(installation, name, service)
    save_login(name, service, key, secret)
    say(f"Saved in the keyring of this system as {service}.")
    say(check_target(load_settings(), name))
