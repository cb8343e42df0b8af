"""Key and secret of a target in the system's keyring, by the `keyring` library and whatever back end it finds.

`PYTHON_KEYRING_BACKEND` and keyring's own settings file choose another back end. Without any, a message names the
environment variables to set; a secret is never written anywhere else.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from edfi_toolkit.errors import ConfigError, what_failed
from edfi_toolkit.settings.file import variable_of
from edfi_toolkit.settings.targets import Secret

ENTRIES = ("key", "secret")


def has_keyring() -> bool:
    """Whether this system has a keyring that can keep something."""
    try:
        import keyring

        return float(keyring.get_keyring().priority) > 0
    except (ImportError, RuntimeError, TypeError):  # a back end that cannot work here has no priority
        return False


def service_of(name: str, base_url: str) -> str:
    """Under which name the keyring keeps a target: two workspaces may call two servers by one name."""
    return f"edfi-{name}@{urlsplit(base_url).netloc}"


def without_keyring(name: str) -> str:
    """What to do on a system that has none."""
    key, secret = (variable_of(name, part) for part in ("KEY", "SECRET"))
    return (
        "This system has no keyring that can keep key and secret, and they are written nowhere else. Set the "
        f"environment variables {key} and {secret} where JupyterLab or the command is started, and start it again."
    )


def save_login(name: str, service: str, key: str, secret: str) -> None:
    """Keep key and secret of a target in the keyring. Raises ConfigError where that is not possible."""
    if not key.strip() or not secret.strip():
        raise ConfigError(
            "Key and secret are both needed. Type them, as the owner of the ODS gave them to you."
        )
    if not has_keyring():
        raise ConfigError(without_keyring(name))
    import keyring
    import keyring.errors

    try:
        for entry, value in zip(ENTRIES, (key, secret), strict=True):
            keyring.set_password(service, entry, value.strip())
    except (keyring.errors.KeyringError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"The keyring did not take the login ({what_failed(error)}). Unlock it and try again, or set the "
            f"environment variables {variable_of(name, 'KEY')} and {variable_of(name, 'SECRET')}."
        ) from None


def saved_login(service: str, entry: str) -> Secret | None:
    """What the keyring has under a service; None where there is no keyring, or nothing in it."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    try:
        value = keyring.get_password(service, entry)
    except (keyring.errors.KeyringError, OSError, RuntimeError):
        return None  # no usable back end; Target.credentials names the places that were searched
    return Secret(value) if value else None
