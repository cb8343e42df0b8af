"""Rules: canonical tables in, association records and reasons out. Pure."""

from edfi_toolkit.rules.profile import PROFILES, Build, Config, Scope, build

__all__ = ["PROFILES", "Build", "Config", "Scope", "build"]
