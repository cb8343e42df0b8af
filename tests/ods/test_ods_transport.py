"""The wire itself: silence, certificates, proxies, compression."""

from __future__ import annotations

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import httpx
import orjson
import pytest
from starlette.responses import JSONResponse, Response

from edfi_toolkit.errors import ConfigError, OdsError, OdsUnavailable
from edfi_toolkit.ods import Client, transport
from edfi_toolkit.ods.sockets import LoopSockets, Sockets
from edfi_toolkit.ods.transport import CurlTransport, environment_proxy, is_untrusted, trust, was_sent
from edfi_toolkit.settings import AnswerLimits


def a_wire(**limits):
    return CurlTransport(limits=AnswerLimits(**limits))


def exchange(answer=b"", *, port=None, hangs_up=True, **limits):
    """One POST to a server that answers these bytes, and hangs up; the response, or what was raised."""

    serving = []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        await reader.readuntil(b"{}")
        writer.write(answer)
        await writer.drain()
        if not hangs_up:
            await reader.read()  # until the other side does
        writer.close()
        await writer.wait_closed()

    async def ask():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = a_wire(**limits)
        url = f"http://127.0.0.1:{port or server.sockets[0].getsockname()[1]}/students?studentUniqueId=S-1"
        headers = {"Host": "127.0.0.1", "Content-Length": "2"}
        request = httpx.Request("POST", url, headers=headers, stream=httpx.ByteStream(b"{}"))
        try:
            return await transport.handle_async_request(request)
        except httpx.HTTPError as error:
            return error
        finally:
            await transport.aclose()
            await asyncio.gather(*serving)
            server.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 201 Crea",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"220 mail.test ESMTP\r\n\r\n",
    ],
    ids=["none", "cut in its head", "cut in its body", "not HTTP"],
)
def test_a_connection_lost_after_the_request_counts_as_sent(answer):
    error = exchange(answer)
    assert isinstance(error, httpx.TransportError)
    assert was_sent(error)
    assert not is_untrusted(error)
    assert "S-1" not in str(error)


def test_a_connection_that_is_refused_counts_as_never_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = exchange(port=port)
    assert type(error) is httpx.ConnectError
    assert not was_sent(error)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a full queue refuses instead of staying silent"
)
def test_a_connection_that_is_never_made_counts_as_never_sent():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        error = exchange(port=full.getsockname()[1], max_connect_s=0.1)
        for each in waiting:
            each.close()
    assert type(error) is httpx.ConnectTimeout
    assert not was_sent(error)


def test_a_server_that_falls_silent_is_given_up_after_some_seconds_and_counts_as_sent():
    error = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", hangs_up=False, max_silent_s=1)
    assert type(error) is httpx.ReadTimeout
    assert was_sent(error)


def test_an_answer_is_taken_as_it_came():
    lines = [
        "HTTP/1.1 302 Found",
        "Location: http://127.0.0.1:1/x",
        "Via: caf\xe9",
        'ETag: "7"',
        "Content-Length: 2",
    ]
    head = "\r\n".join([*lines, "", "[]"])
    response = exchange(head.encode("latin-1"))
    assert response.status_code == 302  # not followed
    assert response.headers["location"] == "http://127.0.0.1:1/x"
    assert response.headers["etag"] == '"7"'
    assert response.read() == b"[]"


def test_the_answer_counts_that_comes_after_an_interim_one():
    response = exchange(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\nETag: 7\r\n\r\n"
    )
    assert (response.status_code, dict(response.headers)) == (204, {"etag": "7"})


def test_a_proxy_that_refuses_the_way_through_counts_as_never_sent(monkeypatch):
    async def serve(reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"CONNECT ods.test:443")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def ask():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        wire = a_wire()
        with pytest.raises(httpx.ProxyError) as refused:
            await wire.handle_async_request(httpx.Request("GET", "https://ods.test/api"))
        assert not was_sent(refused.value)
        await wire.aclose()
        server.close()

    asyncio.run(ask())


def test_a_wire_sends_nothing_twice_by_itself():
    """Tries are counted, and are the client's alone; a connection in use that is lost tempts a wire most."""
    seen, serving = [], []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):  # one may connect, and ask nothing
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            if len(seen) == 1:
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()
        await writer.wait_closed()

    async def ask():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport, url = a_wire(), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        first, second = (httpx.Request("DELETE", url, stream=httpx.ByteStream(b"")) for _ in range(2))
        assert (await transport.handle_async_request(first)).status_code == 204
        with pytest.raises(httpx.TransportError):
            await transport.handle_async_request(second)
        await transport.aclose()
        await asyncio.gather(*serving)
        server.close()

    asyncio.run(ask())
    assert len(seen) == 2


class HastyWire(CurlTransport):
    """The way to the ODS with its usual patience for questions; a write is given up after a moment, so often."""

    def __init__(self, given_up: int) -> None:
        super().__init__()
        self.given_up, self.hasty = given_up, a_wire(max_answer_s=0.2)

    async def handle_async_request(self, request):
        if request.method != "POST" or "/data/" not in request.url.path or not self.given_up:
            return await super().handle_async_request(request)
        self.given_up -= 1
        return await self.hasty.handle_async_request(request)

    async def aclose(self):
        await self.hasty.aclose()
        await super().aclose()


@pytest.fixture
def silent_ods(ods):
    """An ODS that answers no write before the test is over, but for those after the first `ods.silent`."""
    over = threading.Event()

    async def reply(request, body, number):
        while number <= ods.silent and not over.is_set():
            await asyncio.sleep(0.01)

    ods.reply = reply
    yield ods
    over.set()


def apply_one(ods, tools, given_up):
    with (
        tools.served(ods.app) as url,
        Client(tools.target(url), transport=HastyWire(given_up), retry=tools.quick) as client,
    ):
        (outcome,) = client.apply([tools.post(1)])
        ods.silent = 0
    return outcome


def test_a_write_that_gets_no_answer_in_time_is_tried_again_and_delivered(silent_ods, tools):
    silent_ods.silent = 1
    outcome = apply_one(silent_ods, tools, given_up=1)
    assert (outcome.outcome, outcome.attempts) == ("delivered", 2)


def test_a_write_that_never_gets_an_answer_is_unsure(silent_ods, tools):
    silent_ods.silent = sys.maxsize
    outcome = apply_one(silent_ods, tools, given_up=7)
    assert (outcome.outcome, outcome.status, outcome.attempts) == ("unsure", None, 7)


def test_one_client_after_the_other_has_its_own_thread_and_its_own_connections():
    """In a process of its own: a fault here ends it without a word."""
    code = """
from edfi_toolkit.errors import OdsUnavailable
from edfi_toolkit.ods import Client, RetryPolicy
from edfi_toolkit.settings import Secret, Target

for _ in range(4):
    target = Target("small", "http://127.0.0.1:9", Secret("key-canary"), Secret("secret-canary"))
    with Client(target, retry=RetryPolicy(attempts=1)) as client:
        try:
            client.discovery
        except OdsUnavailable:
            print("away")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "away\n" * 4), done.stderr


def test_a_target_where_nobody_listens_is_unavailable(tools):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Client(tools.target(f"http://127.0.0.1:{port}"), retry=tools.quick) as client,
        pytest.raises(OdsUnavailable, match=r"no answer to GET /\S* \(ConnectError\).*run again later"),
    ):
        _ = client.discovery


def test_a_compressed_answer_is_read(ods, tools):
    ods.fill(300)

    def reply(request, body, number):
        assert "gzip" in request.headers["accept-encoding"]
        content = gzip.compress(orjson.dumps(list(ods.rows.values())))
        return Response(content, media_type="application/json", headers={"Content-Encoding": "gzip"})

    ods.reply = reply
    with tools.served(ods.app) as url, Client(tools.target(url)) as client:
        assert client.find(tools.resource, tools.association("S-7")).id == f"{7:032x}"


def test_a_descriptor_in_a_query_arrives_as_it_was_meant(ods, tools):
    with tools.served(ods.app) as url, Client(tools.target(url)) as client:
        name = "100% Käse & A/B + C"
        body = tools.association("S-1")
        body["programReference"]["programName"] = name
        client.find(tools.resource, body)
    query = ods.seen[0][2]
    assert query["programName"] == name
    assert query["programTypeDescriptor"] == "uri://ed-fi.org/ProgramTypeDescriptor#Special Education"


def openssl(folder, *commands):
    for command in commands:
        try:
            subprocess.run(["openssl", *command.split()], check=True, capture_output=True, cwd=folder)
        except FileNotFoundError:
            pytest.skip("openssl is not installed, and is needed to make a certificate")


NEW = "-newkey rsa:2048 -nodes -addext subjectAltName=IP:127.0.0.1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    folder = tmp_path_factory.mktemp("tls")
    openssl(folder, f"req -x509 -days 2 -subj /CN=ods {NEW} -keyout key.pem -out cert.pem")
    return folder / "key.pem", folder / "cert.pem"


@pytest.fixture(scope="module")
def signed_certificate(tmp_path_factory):
    """A key, a certificate for 127.0.0.1, and that of the authority which signed it."""
    folder = tmp_path_factory.mktemp("signed")
    openssl(
        folder,
        "req -x509 -days 2 -subj /CN=authority -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem",
        f"req -subj /CN=ods {NEW} -addext basicConstraints=CA:FALSE -keyout key.pem -out request.pem",
        "x509 -req -days 2 -in request.pem -CA ca.pem -CAkey ca.key -copy_extensions copy -out cert.pem",
    )
    return folder / "key.pem", folder / "cert.pem", folder / "ca.pem"


def test_a_certificate_of_an_authority_the_system_trusts_is_trusted(
    ods, tools, signed_certificate, monkeypatch
):
    key, pem, authority = signed_certificate
    ods.fill(1)
    with tools.served(ods.app, ssl_keyfile=str(key), ssl_certfile=str(pem)) as plain:
        target = tools.target(plain.replace("http://", "https://"))
        with Client(target) as client, pytest.raises(OdsError, match="set ca_bundle under"):
            _ = client.discovery
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        transport._certificates.cache_clear()  # a process asks the system once
        try:
            with Client(target) as client:
                assert client.get(tools.resource, f"{0:032x}") is not None
        finally:
            transport._certificates.cache_clear()


def test_a_certificate_nobody_signed_is_refused_and_a_bundle_makes_it_trusted(ods, tools, certificate):
    key, pem = certificate
    with tools.served(ods.app, ssl_keyfile=str(key), ssl_certfile=str(pem)) as plain:
        url = plain.replace("http://", "https://")
        with Client(tools.target(url)) as client, pytest.raises(OdsError, match="set ca_bundle under"):
            _ = client.discovery
        ods.fill(1)
        with Client(tools.target(url, ca_bundle=str(pem))) as client:
            assert client.get(tools.resource, f"{0:032x}") is not None


def test_a_certificate_of_another_host_is_refused(ods, tools, signed_certificate):
    key, pem, authority = signed_certificate
    with tools.served(ods.app, ssl_keyfile=str(key), ssl_certfile=str(pem)) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost")
        with (
            Client(tools.target(url, ca_bundle=str(authority))) as client,
            pytest.raises(OdsError, match="certificate of localhost is not trusted"),
        ):
            _ = client.discovery


def test_a_bundle_without_certificates_is_refused_before_anything_is_sent(tools, tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca_bundle to a PEM file"):
        trust(tools.target("https://ods.test", ca_bundle=str(bundle)))


def test_a_proxy_comes_from_the_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    url = httpx.URL("https://ods.test/api")
    assert environment_proxy(url) is None
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    assert environment_proxy(url) == "http://proxy.test:3128"
    monkeypatch.setenv("no_proxy", "ods.test,localhost")
    assert environment_proxy(url) is None


@pytest.mark.parametrize("watcher", dict.fromkeys([LoopSockets, Sockets]))  # one, where there is no other
def test_both_ways_of_watching_sockets_deliver(ods, tools, monkeypatch, watcher):
    monkeypatch.setattr(transport, "Sockets", watcher)
    with tools.served(ods.app) as url, Client(tools.target(url)) as client:
        outcomes = list(client.apply([tools.post(number) for number in range(20)]))
    assert {outcome.outcome for outcome in outcomes} == {"delivered"}
    assert len(ods.rows) == 20


def test_requests_really_go_through_the_proxy(ods, tools, monkeypatch):
    asked = []

    async def proxy(scope, receive, send):
        asked.append(scope["path"])
        await JSONResponse({"urls": {"oauth": "/o", "dataManagementApi": "/d"}})(scope, receive, send)

    with tools.served(proxy) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with Client(tools.target("http://ods.test/api")) as client:
            assert client.discovery.data == "http://ods.test/d/"
    assert len(asked) == 1
