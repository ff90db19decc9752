# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import socket
import stat
from http.client import HTTPConnection
from threading import get_ident

from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError, wrong

# Where an agent's connection becomes one of lines, and what that is called (provider/vault/agent/messages.ts).
LINES_ROUTE = "/agent/lines"
LINES_PROTOCOL = "coffre-lines"
# Connections of lines that stay open from one question to the next, by process, thread and socket.
KEPT = {}


def check_agent(path):
    """Nothing is said to a socket that another user could have put there."""
    hint = "Start one of your own (coffre agent), or leave COFFRE_AGENT out."
    if not os.path.isabs(path):
        raise wrong("The agent's socket has no absolute path", hint)
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        raise VaultError("UNREACHABLE", "There is no agent at %s" % path, hint)
    except OSError:
        raise VaultError("FORBIDDEN", "The agent's socket %s is another user's" % path, hint)
    if facts.st_uid != os.geteuid():
        raise VaultError("FORBIDDEN", "The agent's socket %s belongs to another user" % path, hint)
    if not stat.S_ISSOCK(facts.st_mode):
        raise wrong("%s is no socket" % path, hint)
    if facts.st_mode & 0o077:
        raise VaultError("FORBIDDEN", "The agent's socket %s is open to others" % path, hint)
    folder = os.path.realpath(os.path.dirname(path))
    while True:
        way = os.lstat(folder)
        if way.st_uid not in (0, os.geteuid()) or (way.st_mode & 0o022 and not way.st_mode & stat.S_ISVTX):
            raise VaultError("FORBIDDEN", "Others could put another socket in the place of %s" % path, hint)
        if folder == "/":
            return
        folder = os.path.dirname(folder)


def connect_agent(path, timeout):
    """A connection for HTTP. :raises VaultError: CONFIGURATION, FORBIDDEN or UNREACHABLE for a socket that isn't this user's agent's"""
    check_agent(path)
    return AgentConnection(path, timeout)


def ask_agent(path, timeout, name, text):
    """Asks one question by a line, on the connection that this thread has.

    :param timeout: a function that says the seconds; it is asked for a new connection only.
    :returns: status and text of the answer, as HTTP would have them; None from one that takes no lines, such as the agent of one
        playbook's run. :raises OSError, HTTPException, ValueError, VaultError:
    """
    # Not that of a process that this one was forked from: two would read each other's answers.
    key = (os.getpid(), get_ident(), path)
    lines = KEPT.pop(key, None)
    if lines is not None:
        try:
            answer = lines.ask(name, text)
        except OSError:
            lines.close()  # the agent has ended it, or began anew
        else:
            KEPT[key] = lines
            return answer
    lines = open_lines(path, timeout())
    if lines is None:
        return None
    try:
        answer = lines.ask(name, text)
    except Exception:
        lines.close()
        raise
    KEPT[key] = lines
    return answer


def open_lines(path, timeout):
    """A connection that was upgraded; None where that is refused."""
    connection = connect_agent(path, timeout)
    connection.request("GET", LINES_ROUTE, headers={"Connection": "Upgrade", "Upgrade": LINES_PROTOCOL})
    if connection.getresponse().status == 101:
        return AgentLines(connection)
    connection.close()
    return None


class AgentConnection(HTTPConnection):
    """HTTP on the agent's socket. Sends a request's head and body at once: apart, each would wake the agent, which can do nothing
    with the head alone. Not Ansible's own connection to a socket: with it come what TLS and cookies need, in each process of a play.
    """

    _parts = None

    def __init__(self, path, timeout):
        super().__init__("coffre-agent", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def request(self, *args, **kwargs):
        self._parts = []
        try:
            super().request(*args, **kwargs)
            whole = b"".join(self._parts)
        finally:
            self._parts = None
        super().send(whole)

    def send(self, data):
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class AgentLines:
    """A connection on which each question is a line and each answer, too: to read the heads of HTTP takes longer than a value does."""

    def __init__(self, connection):
        self._connection = connection
        self._answers = connection.sock.makefile("rb")

    def ask(self, name, text):
        """:param text: JSON, which has no line break. :raises OSError: also where the agent has ended the connection"""
        self._connection.sock.sendall(("%s %s\n" % (name, text)).encode("utf-8"))
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the agent ended the connection")
        status, mark, answer = line.decode("utf-8").partition(" ")
        return int(status), answer

    def close(self):
        self._answers.close()
        self._connection.close()
