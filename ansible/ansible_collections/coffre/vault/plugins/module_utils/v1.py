# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import socket
import uuid

from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError

# So many values a request: below the server's bound, so that an answer stays of a size that nobody waits long for.
MOST_AT_ONCE = 5000
LEASE_SECONDS = 30


class V1Vault:
    """The vault port over HTTP, by ``coffre serve`` or ``coffre agent``: a POST to /v1/<method> with a JSON body."""

    full = True

    def __init__(self, http):
        self._http = http

    def ask(self, name, body):
        """A method that changes nothing. :raises VaultError: as the server says; UNREACHABLE, BAD_RESPONSE"""
        return self._value(name, *self._http.ask(name, body))

    def change(self, name, body):
        """A method that changes something, sent once."""
        headers = {"X-Coffre-Request": str(uuid.uuid4())}
        return self._value(name, *self._http.send("POST", "/v1/" + name, body, headers, repeatable=False))

    def list(self, name, body):
        """All items of a method that answers line by line."""
        status, text = self._http.send("POST", "/v1/" + name, body)
        if status >= 300:
            raise self._refusal(name, text)
        lines = [self._parse(name, line) for line in text.splitlines()]
        if lines and "error" in lines[-1]:
            raise error_of(lines[-1]["error"])
        if not lines or lines[-1].get("end") is not True:
            raise VaultError("UNREACHABLE", "%s broke off" % self._http.place, "Try again.")
        return [line["item"] for line in lines[:-1]]

    def check_name(self, names):
        """:raises VaultError: WRONG_VAULT for a reference into a vault of another name"""
        wanted = set(name for name in names if name is not None)
        if not wanted:
            return
        own = self.ask("identity", {})["name"]
        for name in sorted(wanted - {own}):
            problem = "A reference names the vault %s, and %s answers for %s" % (name, self._http.place, own)
            raise VaultError("WRONG_VAULT", problem, "Ask that vault, or correct the reference.")

    def values(self, requests):
        """:returns: for each request its answer, or the VaultError that stands in its place"""
        answers = []
        for start in range(0, len(requests), MOST_AT_ONCE):
            part = requests[start:start + MOST_AT_ONCE]
            answers.extend(self.ask("read-many", {"requests": part}))
        return [error_of(answer["error"]) if "error" in answer else answer["answer"] for answer in answers]

    def find_entry(self, path):
        found = self.ask("find-credential", {"path": path})
        return None if found is None else entry_of(found)

    def entry_by_id(self, identifier):
        return entry_of(self.ask("read-credential", {"id": identifier}))

    def entries_of(self, category_id):
        """Those that stand directly in a category; None is the root."""
        return [entry_of(found) for found in self.list("list-credentials", {}) if found["categoryId"] == category_id]

    def create_entry(self, category_id, name, texts, value, fields):
        made = dict(texts, name=name, categoryId=category_id, valueManagedBy="external")
        if value is not None:
            made["initial"] = {"value": value, "causes": [new_cause()]}
        if fields:
            made["fields"] = [put_of(field) for field in fields]
        return entry_of(self.change("create-credentials", {"inputs": [made]})[0])

    def update_entry(self, entry, texts, fields):
        patch = dict((name, None if text == "" else text) for name, text in texts.items())
        if fields:
            patch["fields"] = [put_of(field) for field in fields]
        return entry_of(self.change("update-credential", {"id": entry["id"], "patch": patch}))

    def put_value(self, entry, value):
        """A new current version, staged and promoted in one write. :raises VaultError: CONFLICT for one that Coffre rotates"""
        credential = entry["credential"]
        if credential["targets"] or credential["journal"].get("pending"):
            problem = "The password of %s is that of an account which Coffre rotates" % "/".join(entry["path"])
            raise VaultError("CONFLICT", problem, "coffre.vault.rotate gives it another.")
        version = max([0] + [each["number"] for each in credential["versions"]]) + 1
        steps = [{"step": "clear-attention"}] if credential["journal"].get("attention") else []
        steps.append({"step": "stage", "value": value, "causes": [new_cause()], "accounts": []})
        steps.append({"step": "promote", "version": version, "verified": False})
        steps.append({"step": "release"})
        holder = "%s/%d/%s" % (socket.gethostname(), os.getpid(), uuid.uuid4().hex)
        body = {"id": entry["id"], "request": {"holder": holder, "ttlSeconds": LEASE_SECONDS}, "steps": steps}
        return entry_of(self.change("acquire-lease", body)["credential"])

    def remove_entry(self, entry):
        """It leaves the tree and is kept in the archive."""
        self.change("archive-credential", {"id": entry["id"], "proof": {}})

    def find_category(self, path):
        found = self.ask("find-category", {"path": path})
        return None if found is None else category_of(found)

    def create_category(self, parent_id, name, attributes):
        return category_of(self.change("create-category", {"input": dict(attributes, name=name, parentId=parent_id)}))

    def update_category(self, category, attributes):
        patch = dict((name, None if value in ("", {}) else value) for name, value in attributes.items())
        return category_of(self.change("update-category", {"id": category["id"], "patch": patch}))

    def remove_category(self, category):
        self.change("delete-category", {"id": category["id"], "proof": {}})

    def _value(self, name, status, text):
        if status >= 300:
            raise self._refusal(name, text)
        return self._parse(name, text).get("value")

    def _refusal(self, name, text):
        answer = self._parse(name, text)
        if isinstance(answer.get("error"), dict):
            return error_of(answer["error"])
        return self._bad(name)

    def _parse(self, name, text):
        try:
            parsed = json.loads(text)
        except ValueError:
            raise self._bad(name)
        if not isinstance(parsed, dict):
            raise self._bad(name)
        return parsed

    def _bad(self, name):
        problem = "%s answered something that can't be understood at /v1/%s" % (self._http.place, name)
        return VaultError("BAD_RESPONSE", problem, "Is it coffre serve or coffre agent, and not a proxy's own page?")


def error_of(shape):
    return VaultError(shape.get("code", "BAD_RESPONSE"), shape.get("problem", "It failed"), shape.get("hint"))


def new_cause():
    return "command:%s" % uuid.uuid4()


def put_of(field):
    return dict(change="put", name=field["name"], type=field["type"], value=field["value"], cause=new_cause())


def entry_of(credential):
    """What plugins see of an entry, without a value; ``credential`` is all that the vault said of it."""
    current = [version for version in credential["versions"] if version["state"] == "current"]
    return {
        "id": credential["id"],
        "name": credential["name"],
        "path": credential["path"],
        "category_id": credential["categoryId"],
        "username": (current[0].get("username") if current else None) or credential.get("username"),
        "url": credential.get("url"),
        "description": credential.get("description"),
        "tags": credential["tags"],
        "version": current[0]["number"] if current else None,
        "status": credential["status"],
        "fields": dict((field["name"], field["type"]) for field in credential["fields"]),
        "credential": credential,
    }


def category_of(category):
    return {
        "id": category["id"],
        "name": category["name"],
        "path": category["path"],
        "description": category.get("description"),
        "policy": category.get("policy"),
        "inherit_grants": category["inheritGrants"],
    }
