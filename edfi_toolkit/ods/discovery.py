"""Where an API keeps its parts, from the document at its root.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.settings import Target

_PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")
_YEAR_AFTER_VERSION = re.compile(r"(?<=/v\d/)\d{4}(?=/|$)")


@dataclass(frozen=True)
class Discovery:
    """What the API says of itself.  An address that is None names a feature that is switched off."""

    data: str
    oauth: str
    version: str | None = None
    informational_version: str | None = None
    application: str | None = None
    data_standard: str | None = None
    mode: str | None = None
    data_models: Mapping[str, str] = field(default_factory=dict)
    dependencies: str | None = None
    openapi: str | None = None
    token_info: str | None = None
    change_queries: str | None = None

    def collection(self, resource: str) -> str:
        """Address of a collection: `studentProgramAssociations`, or `tpdm/...` for another schema's."""
        return f"{self.data}{resource if '/' in resource else f'ed-fi/{resource}'}"


def read_discovery(document: Any, target: Target) -> Discovery:
    """Take the addresses from the root document, as seen from where the target's own address was reached.

    Placeholders of tenant, year and instance are filled in. Raises ConfigError for one the target has no
    value for, OdsError when this is no Ed-Fi API.
    """
    urls = document.get("urls") if isinstance(document, Mapping) else None
    if not isinstance(urls, Mapping) or not all(
        _given(urls, name) for name in ("dataManagementApi", "oauth")
    ):
        raise OdsError(
            f"Target '{target.name}': {target.base_url} does not describe itself as an Ed-Fi API. "
            "Set url to the root of the API, the address before /data/v3, and run again.",
            method="GET",
            path=urlsplit(target.base_url).path or "/",
        )
    mode = document.get("apiMode") if isinstance(document.get("apiMode"), str) else None

    def at(name: str) -> str | None:
        return _address(urls[name], target, mode) if _given(urls, name) else None

    listed = document.get("dataModels")
    models = {
        model["name"]: _text(model.get("version")) or ""
        for model in (listed if isinstance(listed, list) else ())
        if isinstance(model, Mapping) and isinstance(model.get("name"), str)
    }
    return Discovery(
        data=f"{(at('dataManagementApi') or '').rstrip('/')}/",
        oauth=at("oauth") or "",
        version=_text(document.get("version")),
        informational_version=_text(document.get("informationalVersion")),
        application=_text(document.get("applicationName")),
        data_standard=models.get("Ed-Fi"),
        mode=mode,
        data_models=models,
        dependencies=at("dependencies"),
        openapi=at("openApiMetadata"),
        token_info=at("oauthTokenIntrospection"),
        change_queries=f"{found.rstrip('/')}/" if (found := at("changeQueries")) else None,
    )


def _address(url: str, target: Target, mode: str | None) -> str:
    """Scheme and host as the user gave them, path as the API gave it: behind a proxy the API may know only
    its inner name, and a credential never goes to an address less protected than the one the user wrote."""
    path = path_of(url, target)
    path = unquote(path) if "%7B" in url.upper() else path
    path = _PLACEHOLDER.sub(lambda match: _filled(match[1], target), path)
    if mode and "year" in mode.lower() and target.school_year:
        path = _YEAR_AFTER_VERSION.sub(str(target.school_year), path)  # 5.x and 6.x print the current year
    return at_target(path, target)


def path_of(url: str, target: Target) -> str:
    """The path of an address that the API gave. Raises OdsError for a text that is none."""
    try:
        path = urlsplit(url).path
        httpx.URL(path)
    except (ValueError, httpx.InvalidURL):
        raise OdsError(
            f"Target '{target.name}': the API names addresses that are none. Check url under "
            f"[targets.{target.name}] with the host, and run again."
        ) from None
    return path


def at_target(path: str, target: Target) -> str:
    """A path at the scheme and host that the user gave."""
    own = urlsplit(target.base_url)
    return urlunsplit((own.scheme, own.netloc, path, "", ""))


def _filled(name: str, target: Target) -> str:
    member = "tenant" if "tenant" in name.lower() else "school_year" if "year" in name.lower() else "instance"
    value = getattr(target, member)
    if value is None:
        raise ConfigError(
            f"Target '{target.name}': the addresses of this API depend on '{name}'. "
            f"Set {member} under [targets.{target.name}] and run again."
        )
    return str(value)


def _given(urls: Mapping[str, Any], name: str) -> bool:
    return bool(_text(urls.get(name)))


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
