# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from ansible_collections.coffre.vault.plugins.module_utils.agent import check_agent, connect_agent
from ansible_collections.coffre.vault.plugins.module_utils.connection import open_vault, parse_url, read_token
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.task import instant


@pytest.mark.parametrize(
    "text, read",
    [
        ("coffre+https://vault.example.com", ("coffre", "https://vault.example.com:8730", [], {})),
        ("coffre+http://127.0.0.1:1234", ("coffre", "http://127.0.0.1:1234", [], {})),
        ("coffre+https://[::1]", ("coffre", "https://[::1]:8730", [], {})),
        ("lockself+https://api.lockself.com/A%2FB/C?organization=3", ("lockself", "https://api.lockself.com", ["A/B", "C"], {"organization": "3"})),
    ],
)
def test_reads_urls(text, read):
    assert parse_url(text) == read


@pytest.mark.parametrize(
    "text",
    ["file://./coffre.db", "https://x", "coffre+ftp://x", "coffre+http://vault.example.com", "coffre+https://a:b@x", "coffre+https://"],
)
def test_refuses_urls(text):
    with pytest.raises(VaultError) as caught:
        parse_url(text)
    assert caught.value.code == "CONFIGURATION"


@pytest.fixture(name="folder")
def fixture_folder():
    with tempfile.TemporaryDirectory(prefix="cf-") as path:
        os.chmod(path, 0o700)
        yield path


def listen(path):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    os.chmod(path, 0o600)
    return listening


def test_an_agent_of_ones_own_is_taken_and_one_that_is_open_to_others_isnt(folder):
    path = os.path.join(folder, "agent.sock")
    with listen(path):
        check_agent(path)
        os.chmod(path, 0o666)
        with pytest.raises(VaultError) as caught:
            check_agent(path)
        assert caught.value.code == "FORBIDDEN"
        os.chmod(path, 0o600)
        os.chmod(folder, 0o777)
        with pytest.raises(VaultError) as caught:
            check_agent(path)
        assert caught.value.code == "FORBIDDEN"


def test_a_path_that_is_relative_or_a_files_is_no_agents(folder):
    path = os.path.join(folder, "notes.txt")
    with open(path, "w", encoding="utf-8"):
        os.chmod(path, 0o600)
    for wrong in (path, "agent.sock"):
        with pytest.raises(VaultError) as caught:
            check_agent(wrong)
        assert caught.value.code == "CONFIGURATION"


def test_an_agent_of_another_user_is_asked_nothing(folder, monkeypatch):
    path = os.path.join(folder, "agent.sock")
    with listen(path):
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        with pytest.raises(VaultError) as caught:
            open_vault({"agent": path}).values([{"path": ["a"]}])
        assert caught.value.code == "FORBIDDEN"


def test_an_agent_that_is_gone_is_unreachable(folder):
    path = os.path.join(folder, "agent.sock")
    with pytest.raises(VaultError) as caught:
        check_agent(path)
    assert caught.value.code == "UNREACHABLE"
    listen(path).close()
    with pytest.raises(VaultError) as caught:
        open_vault({"agent": path}).values([{"path": ["a"]}])
    assert caught.value.code == "UNREACHABLE"


class Agent(socketserver.StreamRequestHandler):
    """Answers with the number of the connection, and ends it after two answers."""

    connections = 0

    def handle(self):
        Agent.connections += 1
        number = Agent.connections
        self.read_head()
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: coffre-lines\r\nConnection: Upgrade\r\n\r\n")
        for turn in range(2):
            if not self.rfile.readline().startswith(b"read-many {"):
                return
            body = json.dumps({"value": [{"answer": {"value": "%d of %d" % (turn, number)}}]}).encode()
            self.wfile.write(b"200 %s\n" % body)

    def read_head(self):
        while self.rfile.readline().strip():
            pass


class Plain(Agent):
    """Takes no lines."""

    status = b"404 Not Found"

    def handle(self):
        asked = self.rfile.readline()
        self.read_head()
        if asked.startswith(b"POST /v1/read-many"):
            body = b'{"value": [{"answer": {"value": "by HTTP"}}]}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        else:
            self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\n{}" % self.status)


class Ignoring(Plain):
    """Answers as if nobody had asked for lines, which HTTP allows."""

    status = b"200 OK"


class Silent(Agent):
    """Ends without an answer."""

    def handle(self):
        self.read_head()


class Broken(Agent):
    """Ends in the middle of each answer."""

    def handle(self):
        self.read_head()
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self.rfile.readline()
        self.wfile.write(b'200 {"value": ')


@pytest.mark.parametrize("handler", [Plain, Ignoring])
def test_an_agent_that_takes_no_lines_is_asked_by_http(folder, handler):
    path = os.path.join(folder, "agent.sock")
    with socketserver.ThreadingUnixStreamServer(path, handler) as server:
        os.chmod(path, 0o600)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert [ask_once(path), ask_once(path)] == ["by HTTP", "by HTTP"]
        server.shutdown()


@pytest.mark.parametrize("handler", [Silent, Broken])
def test_an_agent_that_ends_without_an_answer_is_unreachable(folder, monkeypatch, handler):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    path = os.path.join(folder, "agent.sock")
    with socketserver.ThreadingUnixStreamServer(path, handler) as server:
        os.chmod(path, 0o600)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(VaultError) as caught:
            ask_once(path)
        assert caught.value.code == "UNREACHABLE"
        server.shutdown()


def test_a_connection_to_an_agent_is_kept_for_this_process_alone_and_made_anew_once_it_has_ended(folder):
    path = os.path.join(folder, "agent.sock")

    with socketserver.ThreadingUnixStreamServer(path, Agent) as server:
        os.chmod(path, 0o600)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert [ask_once(path), ask_once(path), ask_once(path)] == ["0 of 1", "1 of 1", "0 of 2"]
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply(ask_once, (path,)) == "0 of 3"
        assert ask_once(path) == "1 of 2"
        server.shutdown()


def test_what_tls_and_lockself_need_isnt_loaded_for_an_agent():
    program = "import sys, %s; print('\\n'.join(sys.modules))" % open_vault.__module__
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert open_vault.__module__ in loaded
    assert [name for name in loaded if name.endswith((".urls", ".lockself"))] == []


@pytest.mark.parametrize("body", ["{}", None])
def test_a_request_reaches_an_agent_in_one_piece(folder, body):
    path = os.path.join(folder, "agent.sock")
    with listen(path):
        connection = connect_agent(path, 5)
    # Of this kind, what was sent at once is received at once, and nothing else with it.
    connection.sock, agent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with connection.sock, agent:
        connection.request("POST", "/v1/identity", body=body)
        received = agent.recv(65536)
    assert received.startswith(b"POST /v1/identity HTTP/1.1\r\n")
    assert received.endswith(b"\r\n\r\n" + (body or "").encode())


def ask_once(path):
    return open_vault({"agent": path}).values([{"path": ["a"]}])[0]["value"]


def test_a_token_is_read_and_never_quoted(folder):
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="utf-8") as opened:
        opened.write("secret-token\n")
    assert read_token(path, "token_file", "NOWHERE") == "secret-token"
    with open(path, "w", encoding="utf-8") as opened:
        opened.write("secret\ntoken\n")
    with pytest.raises(VaultError) as caught:
        read_token(path, "token_file", "NOWHERE")
    assert "secret" not in str(caught.value)


def test_times_are_compared_in_utc():
    assert instant("2026-12-31T19:00:00+01:00", "expires_at") == "2026-12-31T18:00:00.000Z"
    with pytest.raises(VaultError):
        instant("2026-12-31", "expires_at")
