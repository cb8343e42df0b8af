"""Rules: canonical tables in, association records and reasons out. Pure."""

from edfi_toolkit.rules.building import Build, Config, Scope, build
from edfi_toolkit.rules.contract import Profile, profile, profile_names, profiles, synthetic_of

__all__ = [
    "Build",
    "Config",
    "Profile",
    "Scope",
    "build",
    "profile",
    "profile_names",
    "profiles",
    "synthetic_of",
]
