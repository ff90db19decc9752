# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import closing
from http.client import HTTPException
from ipaddress import ip_address
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, unquote, urlsplit

from ansible.module_utils.basic import env_fallback
from ansible_collections.coffre.vault.plugins.module_utils.agent import ask_agent, connect_agent
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError, wrong
from ansible_collections.coffre.vault.plugins.module_utils.v1 import V1Vault

PAUSES = (0.1, 0.4, 1.5)
LONGEST_WAIT = 30
PASSING = (429, 502, 503, 504)
JSON_BODY = {"Content-Type": "application/json"}


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

    :param options: has the options of the doc fragment ``connection``, each asked for by ``get`` where it is needed, and the time
        limit only for a new connection: to look one up takes a plugin as long as a request's way to the agent.
    :raises VaultError: CONFIGURATION. An agent is looked at when it is first asked something.
    """

    def timeout():
        return options.get("timeout") or 60

    agent = options.get("agent")
    if agent:
        return V1Vault(Http("http://coffre-agent", timeout, unix_socket=agent))
    url = options.get("url")
    if not url:
        raise wrong("No vault is named", "Start an agent (coffre agent) and set COFFRE_AGENT, or set COFFRE_URL to a server's URL.")
    language, origin, names, query = parse_url(url)
    ca_file = options.get("ca_file") or query.get("caFile")
    if language == "coffre":
        headers = {"Authorization": "Bearer %s" % token_of(options), "X-Coffre-Source": socket.gethostname()}
        return V1Vault(Http(origin, timeout, ca_file=ca_file, headers=headers))
    from ansible_collections.coffre.vault.plugins.module_utils.lockself import LockselfVault

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
    token = options.get("token")
    if token:
        return token
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


class Http:
    """One server: sends JSON, and knows what may be sent again."""

    def __init__(self, origin, timeout, unix_socket=None, ca_file=None, headers=None):
        self.place = unix_socket or origin
        self._origin = origin
        self._timeout = timeout
        self._unix_socket = unix_socket
        self._ca_file = ca_file
        self._headers = headers or {}

    def ask(self, name, body):
        """A question of /v1 that changes nothing. :returns: status and text of the answer. :raises VaultError: UNREACHABLE"""
        path = "/v1/" + name
        if self._unix_socket is None:
            return self.send("POST", path, body)
        text = json.dumps(body)

        def once():
            answer = ask_agent(self._unix_socket, self._timeout, name, text)
            return self._by_socket("POST", path, text, JSON_BODY) if answer is None else answer + (0,)

        return self._patiently(once, repeatable=True)

    def send(self, method, path, body=None, headers=None, repeatable=True):
        """:returns: status and text of the answer, whichever it is. :raises VaultError: UNREACHABLE"""
        data = None if body is None else json.dumps(body)
        headers = dict(self._headers, Accept="application/json", **dict(headers or {}, **(JSON_BODY if data else {})))
        way = self._by_url if self._unix_socket is None else self._by_socket
        return self._patiently(lambda: way(method, path, data, headers), repeatable)

    def _patiently(self, once, repeatable):
        pauses = iter(PAUSES if repeatable else ())
        while True:
            try:
                status, text, wait = once()
            except (OSError, HTTPException, ValueError) as error:
                status, text, wait = None, type(error).__name__, 0
            pause = next(pauses, None)
            if (status is not None and status not in PASSING) or pause is None or wait > LONGEST_WAIT:
                if status is None:
                    raise VaultError("UNREACHABLE", "%s doesn't answer (%s)" % (self.place, text), "Does it run, and is it reached from here?")
                return status, text
            time.sleep(max(pause, wait))

    def _by_url(self, method, path, data, headers):
        # Here, since it takes as long to load as dozens of values to read, in each of a play's processes.
        from ansible.module_utils.urls import open_url

        try:
            answer = open_url(
                self._origin + path,
                method=method,
                data=data,
                headers=headers,
                timeout=self._timeout(),
                ca_path=self._ca_file,
                follow_redirects="none",
            )
            return answer.getcode(), answer.read().decode("utf-8"), 0
        except HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace"), seconds_of(error.headers.get("Retry-After", ""))
        except URLError as error:
            return None, type(error.reason).__name__ if isinstance(error.reason, Exception) else "no connection", 0

    def _by_socket(self, method, path, data, headers):
        """Without open_url, which reads the machine's authorities for TLS anew each time, also where none is spoken."""
        with closing(connect_agent(self._unix_socket, self._timeout())) as connection:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace"), seconds_of(answer.getheader("Retry-After", ""))


def seconds_of(text):
    return int(text) if text.isdigit() else 0
