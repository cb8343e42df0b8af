"""Every refusal with its texts, as the ODS/API 7.3 writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edfi_toolkit.sandbox.refusal import PLAIN_JSON, PREFIX, PROBLEM_JSON
from edfi_toolkit.sandbox.refusal import Refusal as Refusal


def bad_request(*errors: str) -> Refusal:
    """The body cannot be read at all."""
    return Refusal(
        400,
        "bad-request",
        "Bad Request",
        "The request could not be processed. See 'errors' for details.",
        errors=errors,
    )


PARAMETERS = "Parameters supplied to the request were invalid."


def invalid(
    validation: Mapping[str, Sequence[str]],
    name: str | None = None,
    *,
    unreadable: bool = False,
    dms: Mapping[str, Any] | None = None,
) -> Refusal:
    """Values that break a rule, or cannot be read, by their paths; name: the resource they belong to.

    dms: what the successor has instead.
    """
    return Refusal(
        400,
        "bad-request:data-validation-failed",
        "Data Validation Failed",
        "Data validation failed. See 'validationErrors' for details.",
        validation=validation,
        legacy=name and f"Validation of '{name}' failed.",
        model_state=unreadable,
        dms=dms,
    )


def id_in_body() -> Refusal:
    """A POST that names its own id."""
    return Refusal(
        400,
        "bad-request:data-validation-failed",
        "Data Validation Failed",
        "The request data was constructed incorrectly.",
        errors=[
            "Resource identifiers cannot be assigned by the client. "
            "The 'id' property should not be included in the request body."
        ],
        legacy="Resource identifiers cannot be assigned by the client.",
    )


def parameter(
    error: str, detail: str = "The request construction was invalid.", *, dms: str | None = None
) -> Refusal:
    """A paging or change-query parameter out of range; dms: what the successor says of it."""
    return Refusal(
        400,
        "bad-request:parameter-validation-failed",
        "Parameter Validation Failed",
        detail,
        errors=[error],
        legacy=error,
        dms={"detail": PARAMETERS, "errors": [dms or error]},
    )


def key_change(name: str, *, descriptor: bool = False) -> Refusal:
    """A PUT that changes identifying values."""
    successor = (
        f"Identifying values for the {name} resource cannot be changed. "
        "Delete and recreate the resource item instead."
    )
    if descriptor:
        successor = (
            f"Identity of resource 'Ed-Fi.{name}' cannot be changed. Descriptor identity fields (Namespace, CodeValue) "
            "are immutable on PUT."
        )
    return Refusal(
        400,
        "bad-request:data-validation-failed:key-change-not-supported",
        "Key Change Not Supported",
        f"Identifying values for the {name} data cannot be changed. Delete and recreate the item instead.",
        legacy="Key values for this resource cannot be changed.",
        dms={"detail": successor},
    )


def unauthenticated(error: str) -> Refusal:
    """No usable token."""
    return Refusal(
        401,
        "security:authentication",
        "Authentication Failed",
        "The caller could not be authenticated.",
        errors=[error],
        media=PROBLEM_JSON,
        headers={"WWW-Authenticate": "Bearer"},
    )


def too_many_tokens(limit: int) -> Refusal:
    """More live tokens than a key may have."""
    return Refusal(
        429,
        "security:authentication:too-many-tokens",
        "Too Many Tokens",
        "The caller has authenticated too many times in too short of a time period.",
        errors=[
            f"Too many access tokens have been requested (limit is {limit}). "
            "Access tokens should be reused until they expire."
        ],
        media=PROBLEM_JSON,
    )


_DENIED = "Access to the requested data could not be authorized."


def denied(suffix: str, detail: str, *errors: str) -> Refusal:
    """403 with the kind's suffix; `detail` follows the sentence all of them begin with."""
    return Refusal(
        403,
        "security:authorization" + suffix,
        "Authorization Denied",
        f"{_DENIED} {detail}".strip(),
        errors=errors,
        legacy=" ".join(["Authorization denied.", *errors]),
    )


def no_namespaces() -> Refusal:
    """403 of a client without any namespace, on what is judged by namespace."""
    return Refusal(
        403,
        "security:authorization:namespace:invalid-client:no-namespaces",
        "Authorization Denied",
        _DENIED,
        errors=[
            "The API client has been given permissions on a resource that uses the 'NamespaceBased' authorization "
            "strategy but the client doesn't have any namespace prefixes assigned."
        ],
    )


def not_owned(*, without_owner: bool) -> Refusal:
    """403 of an item that the caller did not create, or that was not created through the API."""
    error = (
        "The existing resource item has no 'CreatedByOwnershipTokenId' value assigned and thus will never be "
        "accessible to clients using the 'OwnershipBased' authorization strategy."
    )
    suffix = "invalid-data:ownership-uninitialized" if without_owner else "access-denied:ownership-mismatch"
    return denied(
        f":ownership:{suffix}", "The item is not owned by the caller.", *([error] if without_owner else [])
    )


def not_found(
    detail: str = "The specified item could not be found.", *errors: str, media: str = PLAIN_JSON
) -> Refusal:
    """404 of an item, a path, a tenant or a snapshot."""
    return Refusal(404, "not-found", "Not Found", detail, errors=errors, media=media)


def no_such_path(path: str) -> Refusal:
    """404 of a path."""
    return not_found(
        "The specified data could not be found.",
        f"Path '{path}' does not exist. Check the resource name and try again.",
        media=PROBLEM_JSON,
    )


def wrong_method(error: str, allow: str | None = None) -> Refusal:
    """405 of a verb on the wrong target."""
    return Refusal(
        405,
        "method-not-allowed",
        "Method Not Allowed",
        "The request construction was invalid.",
        errors=[error],
        media=PROBLEM_JSON,
        headers={"Allow": allow} if allow else None,
    )


def unsupported(method: str, allow: str) -> Refusal:
    """405 of a verb that no endpoint knows."""
    return wrong_method(f"The endpoint of the request does not support the '{method}' method.", allow)


def snapshot_is_read_only() -> Refusal:
    """405 of a write with the snapshot header."""
    return Refusal(
        405,
        "snapshots:method-not-allowed",
        "Method Not Allowed with Snapshots",
        "An attempt was made to modify data in a Snapshot, but this data is read-only.",
        headers={"Allow": "GET"},
    )


NOT_JSON = "The value specified in the 'Content-Type' header is not supported by this host."


def wrong_media(error: str) -> Refusal:
    """415; the successor has one text for a wrong type and for none."""
    return Refusal(
        415,
        "unsupported-media-type",
        "Unsupported Media Type",
        "The request construction was invalid.",
        errors=[error],
        media=PROBLEM_JSON,
        dms={"errors": [NOT_JSON]},
    )


def unresolved(missing: Sequence[tuple[str, str]]) -> Refusal:
    """409: references to nothing, as (path, name of the kind); only the successor names more than the first."""
    name = missing[0][1]
    return Refusal(
        409,
        "data-conflict:unresolved-reference",
        "Unresolved Reference",
        f"The referenced '{name}' item does not exist.",
        legacy=f"The value supplied for the related '{name[:1].lower()}{name[1:]}' resource does not exist.",
        dms={
            "detail": "One or more references could not be resolved. See 'validationErrors' for details.",
            "validationErrors": {
                path: [f"The referenced {name} item does not exist."] for path, name in missing
            },
        },
    )


def dependent(name: str, *containers: str, users: Sequence[str] = ()) -> Refusal:
    """409: a delete of something still referenced, by an item or by a child row within one of these kinds.

    users: the kinds of all items that refer to it, which the successor lists.
    """
    within = ""
    if len(containers) == 1:
        within = f" contained within an '{containers[0]}' resource item"
    elif containers:
        within = f" contained within a resource item of one of the following types: {', '.join(containers)}"
    return Refusal(
        409,
        "data-conflict:dependent-item-exists",
        "Dependent Item Exists",
        "The requested action cannot be performed because this item is referenced "
        f"by an existing '{name}' item{within}.",
        legacy="The resource (or a subordinate entity of the resource) cannot be deleted because it is a "
        f"dependency of the '{name[:1].lower()}{name[1:]}' entity.",
        dms={
            "detail": "The requested action cannot be performed because this item is referenced by existing "
            f"{', '.join(users or [name])} item(s)."
        },
    )


def key_in_use(table: str) -> Refusal:
    """409: the key belongs to an item of another kind."""
    return Refusal(
        409,
        "data-conflict:non-unique-identity",
        "Identifying Values Are Not Unique",
        "The identifying value(s) of the item are the same as another item that already exists.",
        errors=[
            "A primary key conflict occurred when attempting to create or update a record "
            f"in the '{table}' table."
        ],
        legacy="A natural key conflict occurred when attempting to create a new resource "
        f"'{table[:1].lower()}{table[1:]}' with a duplicate key.",
        dms={"type": f"{PREFIX}identity-conflict"},
    )


def values_in_use(names: Iterable[str]) -> Refusal:
    """409: values that may be there once belong to another item."""
    together = "', '".join(names)
    detail = f"Another item has the values of '{together}'; each of them is taken once."
    legacy = f"The value of '{together}' is not unique."
    return Refusal(409, "data-conflict:non-unique-values", "Non-Unique Values", detail, legacy=legacy)


def modified_meanwhile() -> Refusal:
    """412 of If-Match."""
    return Refusal(
        412,
        "optimistic-lock-failed",
        "Optimistic Lock Failed",
        "The item has been modified by another user.",
        errors=[
            "The resource item's etag value does not match what was specified in the 'If-Match' request "
            "header indicating that it has been modified by another client since it was last retrieved."
        ],
        legacy="Resource was modified by another consumer.",
    )


def system(detail: str = "An unexpected problem has occurred.") -> Refusal:
    """500."""
    return Refusal(
        500, "system", "System Error", detail, legacy="An unexpected error occurred on the server."
    )


def on_purpose(status: int) -> Refusal:
    """What a host says with that status when the request itself is not to blame."""
    if status == 401:
        return unauthenticated("Invalid token")
    if status == 412:
        return modified_meanwhile()
    if status == 409:
        return Refusal(
            409,
            "data-conflict:multi-user-conflict",
            "Multi-User Conflict",
            "The item was modified or deleted by another user while processing the request. Resending this "
            "request will either recreate the item, or introduce of copy with a different identifier.",
        )
    if status == 500:
        return system()
    kind, title = {
        429: ("too-many-requests", "Too Many Requests"),
        502: ("bad-gateway", "Bad Gateway"),
        503: ("service-unavailable", "Service Unavailable"),
    }.get(status, ("system", "System Error"))
    return Refusal(status, kind, title, "An unexpected problem has occurred.")
