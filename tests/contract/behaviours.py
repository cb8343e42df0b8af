"""Behaviours of an ODS that is broken or hostile: what is played, and what the client says."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urlsplit

from tests.contract.mischief import (
    Behaviour,
    answer,
    bomb,
    but,
    each,
    elsewhere,
    honest_as,
    location,
    lost,
    pages,
    raw,
    root,
    row,
    rows,
    silent,
    silent_after,
    stream,
)
from tests.factories.district import GENERAL

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome</body></html>"
DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
NOT_JSON, NO_LIST, NO_ROOT = "answer is not JSON", "with something else", "does not describe itself"
LOST, LATE, LARGE, HEADS = "no answer to", "max_answer_s = ", "max_answer_mb = ", "max_headers_kb = "
CIRCLE, ELSEWHERE, NONE = "circle", "set up wrongly or the address is", "gives no token at the moment"
ID, KEY = "whose id cannot be one", "lacks a part of its key"
GZIP_BOMB, DEFLATE_BOMB = bomb(31), bomb(15)

ROOT = [
    Behaviour("root: a list", "root", answer([]), NO_ROOT),
    Behaviour("root: a number", "root", answer(7), NO_ROOT),
    Behaviour("root: urls that are a number", "root", root(urls=7), NO_ROOT),
    Behaviour(
        "root: an address that is none",
        "root",
        root(dataManagementApi="http://[bad"),
        "addresses that are none",
    ),
    Behaviour(
        "root: an address of 100 KB",
        "root",
        root(oauth="http://x/" + "y" * 100_000),
        "addresses that are none",
    ),
    Behaviour(
        "root: an address with a line break",
        "root",
        root(oauth="http://x/oa\u0000uth"),
        "addresses that are none",
    ),
    Behaviour("root: dataModels that are a number", "root", root(dataModels=7)),
    Behaviour(
        "root: versions that are lists",
        "root",
        root(version=[1], dataModels=[{"name": "Ed-Fi", "version": {}}, 3]),
    ),
    Behaviour("root: HTML", "root", answer(HTML, content_type="text/html"), "was answered 200"),
    Behaviour("root: HTML called JSON", "root", answer(HTML), "was answered 200"),
    Behaviour("root: nothing", "root", answer(b""), NOT_JSON),
    Behaviour("root: 204", "root", raw(b"HTTP/1.1 204 X\r\n\r\n"), NOT_JSON),
    Behaviour("root: NUL bytes", "root", answer(b"\0" * 500), NOT_JSON),
    Behaviour("root: UTF-16", "root", honest_as(lambda body: body.decode().encode("utf-16")), NOT_JSON),
    Behaviour("root: latin-1", "root", answer('{"urls": "Käse"}'.encode("latin-1")), NOT_JSON),
    Behaviour("root: a byte order mark", "root", honest_as(lambda body: b"\xef\xbb\xbf" + body)),
    Behaviour("root: 900 levels", "root", answer(DEEP), NOT_JSON),
    Behaviour("root: 100,000 levels", "root", answer(b"[" * 100_000), NOT_JSON),
    Behaviour("root: a member twice", "root", honest_as(lambda body: b'{"urls": 1,' + body.lstrip()[1:])),
    Behaviour("root: NaN", "root", answer(b'{"urls": NaN}'), NOT_JSON),
    Behaviour("root: a redirect elsewhere", "root", elsewhere(302), ELSEWHERE),
    Behaviour("root: HTTP 0.9", "root", raw(b"hello\n"), LOST),
    Behaviour("root: another protocol", "root", raw(b"220 mail ESMTP\r\n\r\n"), LOST),
    Behaviour("root: no TLS", "root", raw(b""), "does not speak TLS", tls=True),
    Behaviour("root: status 999", "root", answer({}, 999), "was answered 999"),
    Behaviour("root: status 099", "root", raw(b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\n{}"), "."),
    Behaviour("root: switches protocols", "root", raw(b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n{}"), "."),
    Behaviour(
        "root: interim answers without end", "root", stream(b"", b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n"), HEADS
    ),
    Behaviour("root: headers without end", "root", stream(OK, b"X-A: " + b"y" * 1_000 + b"\r\n"), HEADS),
    Behaviour("root: one header without end", "root", stream(OK + b"X-A: ", b"y" * 1_000), "."),
    Behaviour("root: a header a second", "root", stream(OK, b"X-A: y\r\n", pause_s=0.1), LATE),
    Behaviour("root: a byte a moment", "root", stream(OK + b"\r\n", b" ", pause_s=0.1), LATE),
    Behaviour("root: silent", "root", silent, LATE),
    Behaviour("root: a body without end", "root", stream(OK + b"\r\n", b" " * 2**16), LARGE),
    Behaviour(
        "root: chunks without end", "root", stream(CHUNKED, b"10000\r\n" + b" " * 2**16 + b"\r\n"), LARGE
    ),
    Behaviour("root: chunks that are none", "root", raw(CHUNKED + b"zz\r\n{}\r\n"), LOST),
    Behaviour(
        "root: too short a length", "root", honest_as(lambda body: body, content_length="20"), NOT_JSON
    ),
    Behaviour("root: too long a length", "root", honest_as(lambda body: body, content_length="99999"), LOST),
    Behaviour("root: a length of exabytes", "root", answer({}, content_length="9" * 18), LOST),
    Behaviour("root: a negative length", "root", answer({}, content_length="-5"), "."),
    Behaviour("root: a length that is no number", "root", answer({}, content_length="much"), "."),
    Behaviour("root: 400 MB in gzip", "root", answer(GZIP_BOMB, content_encoding="gzip"), LARGE),
    Behaviour("root: 400 MB in deflate", "root", answer(DEFLATE_BOMB, content_encoding="deflate"), LARGE),
    Behaviour(
        "root: gzip in gzip", "root", answer(gzip.compress(GZIP_BOMB), content_encoding="gzip, gzip"), LARGE
    ),
    Behaviour("root: gzip that is none", "root", answer({}, content_encoding="gzip"), LOST),
    Behaviour("root: gzip cut off", "root", answer(GZIP_BOMB[:40], content_encoding="gzip"), "."),
    Behaviour("root: an unknown compression", "root", answer({}, content_encoding="zzip"), LOST),
    Behaviour("root: honest gzip", "root", honest_as(gzip.compress, content_encoding="gzip")),
    Behaviour("root: reset", "root", lost(), LOST),
    Behaviour("root: reset in the middle", "root", lost(half=True), LOST),
    Behaviour("root: closed at once", "root", raw(b""), LOST),
    Behaviour("root: closed in the headers", "root", raw(OK), "."),
    Behaviour(
        "root: a million short lists", "root", answer(b"[" + b"[]," * 1_200_000 + b"1]"), "max_values = "
    ),
]
LOGIN = [
    Behaviour("token: a redirect elsewhere", "token", elsewhere(307), "leads elsewhere"),
    Behaviour("token: HTML", "token", answer(HTML, content_type="text/html"), NONE),
    Behaviour("token: with a line break", "token", answer({"access_token": "a\r\nX-Evil: 1"}), NONE),
    Behaviour("token: a list", "token", answer({"access_token": [1]}), NONE),
    Behaviour("token: a number", "token", answer({"access_token": 12}), NONE),
    Behaviour("token: empty", "token", answer({"access_token": ""}), NONE),
    Behaviour("token: 1 MB", "token", answer({"access_token": "x" * 2**20}), NONE),
    Behaviour("token: a list of numbers", "token", answer([1, 2]), NONE),
    Behaviour("token: an odd life", "token", but(lambda found: found | {"expires_in": [-1]})),
    Behaviour("token: an endless life", "token", but(lambda found: found | {"expires_in": "1e400"})),
    Behaviour("token: a life of text", "token", but(lambda found: found | {"expires_in": "soon"})),
    Behaviour("token: 204", "token", raw(b"HTTP/1.1 204 X\r\n\r\n"), NONE),
    Behaviour("token: wait for 30 years", "token", answer({}, 429, retry_after="1000000000"), NONE),
    Behaviour(
        "token: wait until last year",
        "token",
        answer({}, 503, retry_after="Mon, 01 Jan 2024 00:00:00 GMT"),
        NONE,
    ),
    Behaviour("token: a body without end", "token", stream(OK + b"\r\n", b" " * 2**16), LARGE),
    Behaviour("token: a byte a moment", "token", stream(OK + b"\r\n", b" ", pause_s=0.1), LATE),
    Behaviour("token: reset", "token", lost(), LOST),
    Behaviour("token: never good enough", "list", answer({}, 401), "did not accept it", most=8),
    Behaviour(
        "token: 900 levels of error",
        "token",
        answer(b'{"error":' * 900 + b"1" + b"}" * 900, 400),
        "refused key",
    ),
    Behaviour(
        "token: a wrong key", "token", answer({"error": "invalid_client"}, 401), "refused key and secret"
    ),
]
ABOUT = [
    Behaviour("metadata: numbers", "metadata", answer([1, 2]), NO_LIST),
    Behaviour("metadata: an object", "metadata", answer({"a": 1}), NO_LIST),
    Behaviour(
        "metadata: an address that is none",
        "metadata",
        answer([{"name": "Resources", "endpointUri": "http://[bad"}]),
        "addresses that are none",
    ),
    Behaviour(
        "metadata: an address that is a number",
        "metadata",
        answer([{"name": "Resources", "endpointUri": 7}]),
        "endpointUri is no text",
    ),
    Behaviour(
        "metadata: names that are lists", "metadata", answer([{"name": ["x"]}]), "describes no resource"
    ),
    Behaviour("document: a list", "document", answer([1]), NO_LIST),
    Behaviour("document: paths that are numbers", "document", answer({"paths": 7}), "describes no resource"),
    Behaviour(
        "document: operations that are lists",
        "document",
        answer({"paths": {"/ed-fi/x/{id}": [1], "/{id}": {"put": 3}, "x/{id}": None}}),
    ),
    Behaviour("document: a body without end", "document", stream(OK + b"\r\n", b" " * 2**16), LARGE),
    Behaviour(
        "dependencies: an order of text",
        "dependencies",
        answer([{"resource": "/ed-fi/x", "order": "first", "operations": ["Create"]}]),
        "no whole number",
    ),
    Behaviour(
        "dependencies: operations that are a number",
        "dependencies",
        answer([{"resource": "/ed-fi/x", "order": 1, "operations": 7}]),
        "operations is no list",
    ),
    Behaviour(
        "dependencies: resources that are lists",
        "dependencies",
        answer([{"resource": [1], "order": 1, "operations": ["Create"]}]),
        "resource is no text",
    ),
    Behaviour("versions: a list", "versions", answer({"newestChangeVersion": [1]}), "no whole number"),
    Behaviour("versions: huge", "versions", answer({"newestChangeVersion": 10**30}), "no whole number"),
    Behaviour("deletes: versions of text", "deletes", answer([row(1, changeVersion="x")]), "no whole number"),
    Behaviour(
        "deletes: keys that are lists",
        "deletes",
        answer([row(1, changeVersion=1, keyValues=[1])]),
        "keyValues is no object",
    ),
    Behaviour(
        "key changes: without keys",
        "keyChanges",
        answer([row(1, changeVersion=1)]),
        "oldKeyValues is no object",
    ),
]
READING = [
    Behaviour("list: numbers", "list", answer([1, 2, 3]), NO_LIST),
    Behaviour("list: an object", "list", answer({"rows": []}), NO_LIST),
    Behaviour("list: records without id", "list", answer([{"a": 1}]), ID),
    Behaviour("list: an id that is a list", "list", answer([{"id": [1]}]), ID),
    Behaviour("list: an id that is a path", "list", answer([{"id": "../students/1"}]), ID),
    Behaviour(
        "list: an etag with a line break",
        "list",
        answer([row(1) | {"_etag": 'a"\r\nX: 1'}]),
        "whose _etag cannot be one",
    ),
    Behaviour("list: a record of 900 levels", "list", answer(b'[{"id":"1","a":' + DEEP + b"}]"), NOT_JSON),
    Behaviour(
        "list: huge numbers", "list", each(lambda asked: answer([row(1, beginDate=10**40)], total_count="1"))
    ),
    Behaviour("list: HTML called JSON", "list", answer(HTML), "was answered 200"),
    Behaviour(
        "list: alternating page tokens",
        "list",
        pages(lambda n: rows(3, 3 * n), lambda n: "AB"[n % 2]),
        CIRCLE,
    ),
    Behaviour(
        "list: ever new page tokens of one page", "list", pages(lambda n: rows(3), lambda n: f"t{n}"), CIRCLE
    ),
    Behaviour(
        "list: ever new page tokens of empty pages",
        "list",
        pages(lambda n: [], lambda n: f"t{n}"),
        f"{CIRCLE}|max_pages = ",
        most=60,
    ),
    Behaviour(
        "list: ever new pages",
        "list",
        pages(lambda n: rows(3, 3 * n), lambda n: f"t{n}"),
        "max_pages = ",
        most=60,
    ),
    Behaviour(
        "list: ever new records",
        "list",
        pages(lambda n: rows(500, 500 * n), lambda n: f"t{n}"),
        "max_records = ",
    ),
    Behaviour(
        "list: a page token of 40 KB",
        "list",
        pages(lambda n: rows(3), lambda n: "t" * 40_000),
        "cannot be asked for",
    ),
    Behaviour("list: a page token of 1 MB", "list", pages(lambda n: rows(3), lambda n: "t" * 2**20), "."),
    Behaviour(
        "list: offsets without end",
        "list",
        each(lambda asked: answer(rows(3, 3 * asked.number))),
        "max_pages = ",
        most=60,
    ),
    Behaviour("list: the offset does not matter", "list", answer(rows(3)), CIRCLE, most=20),
    Behaviour("list: a total of text", "list", answer(rows(3), total_count="many"), "no whole number"),
    Behaviour("list: a total below nothing", "list", answer(rows(3), total_count="-1"), "no whole number"),
    Behaviour(
        "list: a total without end", "list", answer(rows(3), total_count="9" * 5_000), "no whole number"
    ),
    Behaviour(
        "list: a total of 10^17", "list", answer(rows(3), total_count="1" + "0" * 17), "max_records = "
    ),
    Behaviour(
        "list: a total below what came",
        "list",
        each(lambda asked: answer([] if "offset" in asked.query else rows(3), total_count="2")),
    ),
    Behaviour(
        "list: a total above what comes",
        "list",
        each(
            lambda asked: answer(
                rows(3) if asked.query.get("offset", ["0"]) == ["0"] else [], total_count="30"
            )
        ),
        "is not complete",
        most=20,
    ),
    Behaviour(
        "list: the page size is always wrong",
        "list",
        answer({"message": "Limit must be a value between 0 and 25."}, 400),
        "does not accept the filters",
    ),
    Behaviour("list: wait for 30 years", "list", answer({}, 429, retry_after="1000000000"), "max_wait_s = 5"),
    Behaviour(
        "list: wait until last year",
        "list",
        answer({}, 503, retry_after="Mon, 01 Jan 2024 00:00:00 GMT"),
        "answered 503",
    ),
    Behaviour(
        "list: wait for something",
        "list",
        answer({}, 503, retry_after="Mon, 99 Foo 99999 99:99:99 +99999999999999"),
        "answered 503",
    ),
    Behaviour("list: wait below nothing", "list", answer({}, 503, retry_after="-5"), "answered 503"),
    Behaviour("list: an error of 6 MB", "list", answer({"errors": ["x" * 9] * 500_000}, 500), "."),
    Behaviour("list: gone elsewhere", "list", elsewhere(301), ELSEWHERE),
    Behaviour("list: a byte a moment", "list", stream(OK + b"\r\n[", b" ", pause_s=0.1), LATE),
    Behaviour("list: 400 MB in gzip", "list", answer(GZIP_BOMB, content_encoding="gzip"), LARGE),
    Behaviour("list: reset in the middle", "list", lost(half=True), LOST),
    Behaviour(
        "partitions: 100,000",
        "partitions",
        answer({"pageTokens": [f"t{n}" for n in range(100_000)]}),
        "max_partitions = ",
    ),
    Behaviour(
        "partitions: all the same", "partitions", answer({"pageTokens": ["t", "t"]}), "parts that cannot be"
    ),
    Behaviour("partitions: numbers", "partitions", answer({"pageTokens": [1, 2]}), "parts that cannot be"),
    Behaviour("find: a record without its key", "find", answer([row(1)]), KEY),
    Behaviour(
        "find: a key that is no object",
        "find",
        answer([row(1, studentReference=7, programReference="x")]),
        KEY,
    ),
    Behaviour("find: another's record", "find", answer([])),
    Behaviour("find: no list", "find", answer("x"), NO_LIST),
    Behaviour("item: another one", "item", answer(row(77)), "another record than was asked for"),
    Behaviour("item: a list", "item", answer([row(1)]), NO_LIST),
    Behaviour("item: without id", "item", answer({}), ID),
    Behaviour("item: 204", "item", raw(b"HTTP/1.1 204 X\r\n\r\n"), NOT_JSON),
]
ANSWERED = [*ROOT, *LOGIN, *ABOUT, *READING]

WRITES = [
    Behaviour(f"{verb}: {name}", verb, play)
    for verb in ("POST", "PUT", "DELETE")
    for name, play in (
        ("reset before", lost()),
        ("reset after", lost(after=True)),
        ("reset in the middle", lost(half=True)),
        ("closed at once", raw(b"")),
        ("silent after", silent_after),
        ("a byte a moment", stream(OK + b"\r\n", b" ", pause_s=0.1)),
        ("a body without end", stream(OK + b"\r\n", b" " * 2**16)),
        ("headers without end", stream(OK, b"X-A: " + b"y" * 1_000 + b"\r\n")),
        ("400 MB in gzip", answer(GZIP_BOMB, content_encoding="gzip")),
        ("HTML", answer(HTML, content_type="text/html")),
        ("HTML called JSON", answer(HTML)),
        ("gone elsewhere", elsewhere(307)),
        ("wait for 30 years", answer({}, 503, retry_after="1000000000")),
        ("500 for ever", answer({}, 500)),
        ("status 099", raw(b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\n{}")),
        ("413", answer(b"", 413)),
        ("an error of 900 levels", answer(DEEP, 409)),
        ("chunks that are none", raw(CHUNKED + b"zz\r\n{}\r\n")),
    )
] + [
    Behaviour("POST: 200 without a record", "POST", answer({"ok": True})),
    Behaviour("POST: no address", "POST", location(lambda found: None)),
    Behaviour(
        "POST: an address at another host",
        "POST",
        location(lambda found: re.sub("//[^/]*", "//evil.test", found)),
    ),
    Behaviour("POST: a path for an address", "POST", location(lambda found: urlsplit(found).path)),
    Behaviour(
        "POST: an address of another resource",
        "POST",
        location(lambda found: found.replace(GENERAL, "students")),
    ),
    Behaviour("POST: one address for all", "POST", location(lambda found: re.sub("[^/]*$", "f" * 32, found))),
    Behaviour("POST: an address that is none", "POST", location(lambda found: "http://[bad")),
    Behaviour("POST: an address of 8 KB", "POST", location(lambda found: found + "0" * 8_000)),
    Behaviour("POST: an odd etag", "POST", but(etag='"caf\xe9"')),
    Behaviour("POST: a body on 204", "POST", raw(b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello")),
    Behaviour("POST: 412", "POST", answer({}, 412)),
    Behaviour("PUT: 412 and another record", "PUT", answer({}, 412)),
    Behaviour("PUT: 404", "PUT", answer({}, 404)),
    Behaviour("DELETE: 404 from a gateway", "DELETE", answer(HTML, 404, content_type="text/html")),
]
