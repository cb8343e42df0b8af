"""The wire itself: silence, certificates, proxies, compression."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import time

import httpx
import orjson
import pytest
from starlette.responses import JSONResponse, Response

from edfi_toolkit.errors import ConfigError, OdsError, OdsUnavailable
from edfi_toolkit.ods import Client
from edfi_toolkit.ods.transport import AiohttpTransport, environment_proxy, trust


def test_a_write_that_gets_no_answer_in_time_is_tried_again_and_delivered(ods, tools):
    async def reply(request, body, number):
        if number == 1:
            await asyncio.sleep(1)

    ods.reply = reply
    with tools.served(ods.app) as url:
        transport = AiohttpTransport(verify=ssl.create_default_context(), read_s=0.2)
        with Client(tools.target(url), transport=transport, retry=tools.quick) as client:
            (outcome,) = client.apply([tools.post(1)])
    assert (outcome.outcome, outcome.attempts) == ("delivered", 2)


def test_a_write_that_never_gets_an_answer_is_unsure(ods, tools):
    async def reply(request, body, number):
        await asyncio.sleep(0.5)

    ods.reply = reply
    with tools.served(ods.app) as url:
        transport = AiohttpTransport(verify=ssl.create_default_context(), read_s=0.05)
        with Client(tools.target(url), transport=transport, retry=tools.quick) as client:
            (outcome,) = client.apply([tools.post(1)])
    assert (outcome.outcome, outcome.status, outcome.attempts) == ("unsure", None, 6)


def test_a_target_where_nobody_listens_is_unavailable(tools):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Client(tools.target(f"http://127.0.0.1:{port}"), retry=tools.quick) as client,
        pytest.raises(OdsUnavailable, match=r"not at all \(ConnectError\).*run again later"),
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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ods"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed, and is needed to make a certificate")
    return key, pem


def test_a_certificate_nobody_signed_is_refused_at_once_and_a_bundle_makes_it_trusted(
    ods, tools, certificate
):
    key, pem = certificate
    with tools.served(ods.app, ssl_keyfile=str(key), ssl_certfile=str(pem)) as plain:
        url = plain.replace("http://", "https://")
        begun = time.monotonic()
        with Client(tools.target(url)) as client, pytest.raises(OdsError, match="set ca_bundle under"):
            _ = client.discovery
        assert time.monotonic() - begun < 5  # no retries: no second try can mend it
        ods.fill(1)
        with Client(tools.target(url, ca_bundle=str(pem))) as client:
            assert client.get(tools.resource, f"{0:032x}") is not None


def test_verification_is_always_on(tools, tmp_path):
    context = trust(tools.target("https://ods.test"))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    with pytest.raises(ConfigError, match="ca_bundle"):
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
