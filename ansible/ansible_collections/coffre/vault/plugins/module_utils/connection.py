# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import socket
import stat
import time
from http.client import HTTPException
from ipaddress import ip_address
from threading import get_ident
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, unquote, urlsplit

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.urls import UnixHTTPConnection, open_url
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.lockself import LockselfVault
from ansible_collections.coffre.vault.plugins.module_utils.v1 import V1Vault

PAUSES = (0.1, 0.4, 1.5)
LONGEST_WAIT = 30
PASSING = (429, 502, 503, 504)
# Connections to agents that stay open from one question to the next, by process, thread and socket.
KEPT = {}


def connection_spec(**more):
    """The arguments of every module: those of the connection, and its own."""

    def named(variable, **options):
        return dict(fallback=(env_fallback, [variable]), **options)

    return dict(
        agent=named("COFFRE_AGENT", type="str"),
        url=named("COFFRE_URL", type="str"),
        token=named("COFFRE_TOKEN", type="str", no_log=True),
        token_file=named("COFFRE_TOKEN_FILE", type="path", no_log=False),
        lockself_auth_token_file=named("COFFRE_LOCKSELF_AUTH_TOKEN_FILE", type="path", no_log=False),
        lockself_ls_token_file=named("COFFRE_LOCKSELF_LS_TOKEN_FILE", type="path", no_log=False),
        ca_file=dict(type="path"),
        timeout=dict(type="int", default=60),
        **more
    )


def open_vault(options):
    """The vault that these options name; nothing is asked of it yet.

    :param options: a mapping with the options of the doc fragment ``connection``.
    :raises VaultError: CONFIGURATION. An agent is looked at when it is first asked something.
    """
    timeout = options.get("timeout") or 60
    if options.get("agent"):
        return V1Vault(Http("http://coffre-agent", timeout, unix_socket=options["agent"]))
    if not options.get("url"):
        raise wrong("No vault is named", "Start an agent (coffre agent) and set COFFRE_AGENT, or set COFFRE_URL to a server's URL.")
    language, origin, names, query = parse_url(options["url"])
    ca_file = options.get("ca_file") or query.get("caFile")
    if language == "coffre":
        headers = {"Authorization": "Bearer %s" % token_of(options), "X-Coffre-Source": socket.gethostname()}
        return V1Vault(Http(origin, timeout, ca_file=ca_file, headers=headers))
    auth = read_token(options.get("lockself_auth_token_file"), "lockself_auth_token_file", "COFFRE_LOCKSELF_AUTH_TOKEN")
    bearer = query.get("auth") == "bearer"
    headers = {"Authorization": "Bearer %s" % auth} if bearer else {"X-Auth-Token": auth}
    headers["X-Ls-Token"] = read_token(options.get("lockself_ls_token_file"), "lockself_ls_token_file", "COFFRE_LOCKSELF_LS_TOKEN")
    return LockselfVault(Http(origin, timeout, ca_file=ca_file, headers=headers), names or ["Coffre"], query.get("organization"))


def parse_url(text):
    """Of a vault's URL: the language, the origin, the names of its path and its parameters."""
    language, mark, plain = text.partition("+")
    parts = urlsplit(plain)
    if not mark or language not in ("coffre", "lockself") or parts.scheme not in ("https", "http") or not parts.hostname:
        raise wrong(
            "The vault's URL is none of a server",
            "Write coffre+https:// or lockself+https://; for a vault of another kind start an agent (coffre agent) and set COFFRE_AGENT.",
        )
    if parts.username is not None or parts.password is not None:
        raise wrong("The vault's URL has a user name or password in it", "Tokens are read from files.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise wrong("The vault's URL is plain http to another machine", "Tokens and passwords travel by it: use https.")
    default = ":8730" if language == "coffre" and ":" not in parts.netloc.rpartition("]")[2] else ""
    names = [unquote(name) for name in parts.path.split("/") if name]
    query = dict((name, values[0]) for name, values in parse_qs(parts.query).items())
    return language, "%s://%s%s" % (parts.scheme, parts.netloc, default), names, query


def is_loopback(host):
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def token_of(options):
    if options.get("token"):
        return options["token"]
    return read_token(options.get("token_file"), "token_file", "COFFRE_TOKEN")


def read_token(path, option, variable):
    if not path:
        value = os.environ.get(variable)
        if value:
            return value
        raise wrong("No token was given (%s)" % option, "Set it, or the variable %s_FILE." % variable)
    try:
        with open(path, encoding="utf-8") as opened:
            text = opened.read().strip()
    except (OSError, UnicodeDecodeError):
        raise wrong("The file of %s can't be read" % option, "Its path is %s." % path)
    if not text.isprintable() or not text.isascii() or text == "":
        raise wrong("The file of %s holds no token" % option, "Its path is %s." % path)
    return text


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
    """:raises VaultError: CONFIGURATION, FORBIDDEN or UNREACHABLE for one that isn't this user's"""
    check_agent(path)
    return AgentConnection(path)("coffre-agent", timeout=timeout)


class AgentConnection(UnixHTTPConnection):
    """Sends a request's head and body at once: sent apart, each would wake the agent, which can do nothing with the head alone."""

    _parts = None

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


class Http:
    """One server: sends JSON, and knows what may be sent again."""

    def __init__(self, origin, timeout, unix_socket=None, ca_file=None, headers=None):
        self.place = unix_socket or origin
        self._origin = origin
        self._timeout = timeout
        self._unix_socket = unix_socket
        self._ca_file = ca_file
        self._headers = headers or {}

    def send(self, method, path, body=None, headers=None, repeatable=True):
        """:returns: status and text of the answer, whichever it is. :raises VaultError: UNREACHABLE"""
        pauses = iter(PAUSES if repeatable else ())
        while True:
            status, text, wait = self._once(method, path, body, headers or {}, repeatable)
            pause = next(pauses, None)
            if (status is not None and status not in PASSING) or pause is None or wait > LONGEST_WAIT:
                if status is None:
                    raise VaultError("UNREACHABLE", "%s doesn't answer (%s)" % (self.place, text), "Does it run, and is it reached from here?")
                return status, text
            time.sleep(max(pause, wait))

    def _once(self, method, path, body, headers, repeatable):
        data = None if body is None else json.dumps(body)
        headers = dict(self._headers, Accept="application/json", **dict(headers, **({"Content-Type": "application/json"} if data else {})))
        try:
            if self._unix_socket is not None:
                return self._by_socket(method, path, data, headers, repeatable)
            answer = open_url(
                self._origin + path,
                method=method,
                data=data,
                headers=headers,
                timeout=self._timeout,
                ca_path=self._ca_file,
                follow_redirects="none",
            )
            return answer.getcode(), answer.read().decode("utf-8"), 0
        except HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace"), seconds_of(error.headers.get("Retry-After", ""))
        except URLError as error:
            return None, type(error.reason).__name__ if isinstance(error.reason, Exception) else "no connection", 0
        except (OSError, HTTPException, ValueError) as error:
            return None, type(error).__name__, 0

    def _by_socket(self, method, path, data, headers, repeatable):
        """Without open_url, which reads the machine's authorities for TLS anew each time, also where none is spoken."""
        # Not that of a process that this one was forked from: two would read each other's answers.
        key = (os.getpid(), get_ident(), self._unix_socket)
        kept = KEPT.pop(key, None) if repeatable else None
        connection = kept or connect_agent(self._unix_socket, self._timeout)
        try:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            connection.close()
            if kept is None:
                raise
            # The agent ends a connection on which nothing was asked for a while.
            return self._by_socket(method, path, data, headers, repeatable)
        if repeatable:
            KEPT[key] = connection
        else:
            connection.close()
        return answer.status, text, seconds_of(answer.getheader("Retry-After", ""))


def seconds_of(text):
    return int(text) if text.isdigit() else 0


def wrong(problem, hint):
    return VaultError("CONFIGURATION", problem, hint)
