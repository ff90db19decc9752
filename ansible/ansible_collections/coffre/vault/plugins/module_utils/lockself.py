# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlencode

from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError, not_supported

API = "/api-key/"
PAGE = 1000
# What an entry's decryption answers, by the name that a reference's field has.
FIELDS = {"password": "password", "username": "username", "url": "domain", "totp": "totp", "opt1": "opt1", "opt2": "opt2", "opt3": "opt3"}
TYPES = {"totp": "totp", "opt1": "secret", "opt2": "secret", "opt3": "secret"}
TEXTS = {"url": "domain"}
CODES = {400: "INVALID_INPUT", 401: "FORBIDDEN", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "CONFLICT", 422: "POLICY", 429: "UNREACHABLE"}
# In opt3 of an entry that a vault of Coffre's shows there. What its password can't hold as it is stands as base64, or beside it.
MARK = re.compile(r"coffre cr_[A-Za-z0-9_-]+( [0-9a-f]{32})?\Z")
ENCODED = "base64:"
TOO_LONG = "(too long for one entry: it stands in those beside it)"
BY_COFFRE = "A vault of Coffre's keeps its fields in entries of their own: read it by `coffre agent` or `coffre serve`."


class LockselfVault:
    """Entries and categories by LockSelf's own routes, below one space. What stands there is found by name, anew for each task."""

    full = False

    def __init__(self, http, space, organization):
        self._http = http
        self._space = space
        self._organization = organization
        self._categories = None
        self._lists = {}

    def check_name(self, names):
        """LockSelf's spaces have no vault's name: every one is taken for this one's."""

    def values(self, requests):
        """:returns: for each request its answer, or the VaultError that stands in its place"""
        opened = {}
        answers = []
        for request in requests:
            try:
                answers.append(self._value(request, opened))
            except VaultError as error:
                if error.code == "UNREACHABLE":
                    raise
                answers.append(error)
        return answers

    def find_entry(self, path):
        category = self.find_category(path[:-1])
        if category is None:
            return None
        found = only([item for item in self._list(category["id"]) if item["name"] == path[-1]], "entries", path)
        return None if found is None else self._entry(found["id"], path)

    def entry_by_id(self, identifier):
        raise not_supported("ids of Coffre")

    def entries_of(self, category_id):
        path = [category["path"] for category in self._tree() if category["id"] == category_id][0]
        return [self._entry(item["id"], path + [item["name"]]) for item in self._list(category_id)]

    def create_entry(self, category_id, name, texts, value, fields):
        if value is None:
            raise not_supported("entries without a value")
        body = dict(body_of(texts, fields), categoryId=category_id, name=name, password=value)
        created = self._send("POST", "credentials", body)
        self._lists.pop(category_id, None)
        path = [category["path"] for category in self._tree() if category["id"] == category_id][0] + [name]
        identifier = created.get("id")
        return self.find_entry(path) if identifier is None else self._entry(int(identifier), path)

    def update_entry(self, entry, texts, fields):
        self._send("PUT", "credentials/%d" % entry["id"], body_of(texts, fields))
        return self._entry(entry["id"], entry["path"])

    def put_value(self, entry, value):
        self._send("PUT", "credentials/%d" % entry["id"], {"password": value})
        return self._entry(entry["id"], entry["path"])

    def remove_entry(self, entry):
        """LockSelf has no archive: it is gone."""
        self._send("DELETE", "credentials/%d" % entry["id"])

    def find_category(self, path):
        """The space itself is the empty path."""
        return only([category for category in self._tree() if category["path"] == path], "categories", path)

    def create_category(self, parent_id, name, attributes):
        refuse_attributes(attributes)
        parents = [category for category in self._tree() if category["id"] == parent_id or (parent_id is None and not category["path"])]
        if not parents:
            raise VaultError("NOT_FOUND", "There is no space %s" % "/".join(self._space), "Make it in LockSelf, or correct the URL.")
        path = parents[0]["path"] + [name]
        self._send("POST", "categories", {"name": name, "parentId": parents[0]["id"]})
        self._categories = None
        return self.find_category(path)

    def update_category(self, category, attributes):
        refuse_attributes(attributes)
        return category

    def remove_category(self, category):
        self._send("DELETE", "categories/%d" % category["id"])
        self._categories = None

    def _value(self, request, opened):
        if request.get("version", "current") != "current":
            raise not_supported("earlier or pending versions")
        if "id" in request:
            raise not_supported("ids of Coffre")
        path = request["path"]
        field = request.get("field", "password")
        key = tuple(path)
        if key not in opened:
            entry = self.find_entry(path)
            if entry is None:
                self._require_space()
                raise VaultError("NOT_FOUND", "There is no entry %s" % "/".join(path), "Check its path, and what the API user may see.")
            opened[key] = entry
        entry = opened[key]
        hint = BY_COFFRE if entry["by_coffre"] else None
        if field not in FIELDS:
            raise VaultError("NOT_FOUND", "%s has no field of that name" % "/".join(path), hint or "LockSelf has %s." % ", ".join(sorted(FIELDS)))
        value = entry["credential"].get(FIELDS[field])
        if field == "password" and entry["by_coffre"] and value == TOO_LONG:
            raise not_supported("values of more than 20,000 characters")
        if value in (None, ""):
            raise VaultError("NOT_FOUND", "%s has no %s" % ("/".join(path), field), hint)
        of_entry = dict(id=entry["id"], path=path, username=entry["username"])
        return dict(of_entry, field=field, type=TYPES.get(field, "secret"), version=1, status="current", value=value)

    def _entry(self, identifier, path):
        found = self._send("GET", "credentials/%d/decrypt" % identifier)
        by_coffre = MARK.match(found.get("opt3") or "") is not None
        if by_coffre:
            found = dict(found, opt3=None, password=self._decoded(found.get("password")))
        tags = found.get("tags") or ""
        return {
            "id": identifier,
            "name": path[-1],
            "path": path,
            "category_id": None,
            "username": found.get("username") or None,
            "url": found.get("domain") or None,
            "description": found.get("description") or None,
            "tags": tags if isinstance(tags, list) else [tag.strip() for tag in tags.split(",") if tag.strip()],
            "version": None,
            "status": "current",
            "fields": dict((name, kind) for name, kind in TYPES.items() if found.get(name)),
            "credential": found,
            "by_coffre": by_coffre,
        }

    def _decoded(self, password):
        """A password as it is, of the copy that people read."""
        if not isinstance(password, str) or not password.startswith(ENCODED):
            return password
        try:
            return base64.b64decode(password[len(ENCODED):], validate=True).decode("utf-8")
        except ValueError:
            raise bad(self._http.place, "credentials")

    def _require_space(self):
        if self.find_category([]) is None:
            raise VaultError("NOT_FOUND", "There is no space %s" % "/".join(self._space), "Correct the URL, or give the API user the right to see it.")

    def _tree(self):
        """The categories of the space with their paths in it, the space itself first."""
        if self._categories is None:
            query = {} if self._organization is None else {"organizationId": self._organization}
            items = self._pages("categories", query)
            known = dict((item["id"], item) for item in items)
            self._categories = []
            for item in items:
                path = names_of(item, known)
                if path is not None and path[:len(self._space)] == self._space:
                    shown = {"id": item["id"], "name": item["name"], "path": path[len(self._space):]}
                    self._categories.append(dict(shown, description=None, policy=None, inherit_grants=True))
        return self._categories

    def _list(self, category_id):
        if category_id not in self._lists:
            self._lists[category_id] = self._pages("credentials", {"categoryId": category_id})
        return self._lists[category_id]

    def _pages(self, route, query):
        found = []
        page = 1
        while True:
            answer = self._send("GET", "%s?%s" % (route, urlencode(dict(query, page=page, limit=PAGE))))
            items = answer.get("items", answer.get("_embedded", {}).get("items"))
            if not isinstance(items, list):
                raise bad(self._http.place, route)
            found.extend(dict(item, id=int(item["id"]), parentId=whole(item.get("parentId"))) for item in items)
            if not items or page >= int(answer.get("pages") or (page if len(items) < PAGE else page + 1)):
                return found
            page += 1

    def _send(self, method, route, body=None):
        """A create isn't repeated: whether it was carried out isn't known where no answer came."""
        status, text = self._http.send(method, API + route, body, repeatable=method != "POST")
        if status >= 300:
            # The body may quote what was sent.
            name = route.partition("?")[0]
            hint = {401: "Check the two tokens of the API user.", 403: "Check the API user's rights."}.get(status)
            raise VaultError(CODES.get(status, "BAD_RESPONSE"), "%s refused %s %s (%d)" % (self._http.place, method, name, status), hint)
        try:
            parsed = json.loads(text) if text else {}
        except ValueError:
            raise bad(self._http.place, route.partition("?")[0])
        return parsed if isinstance(parsed, dict) else {}


def bad(place, route):
    return VaultError("BAD_RESPONSE", "%s answered something that can't be understood at %s" % (place, route), "Is it LockSelf?")


def whole(number):
    return None if number is None else int(number)


def names_of(item, known):
    """Names from the top down; None where a parent leads back to itself."""
    names = []
    seen = set()
    while item is not None:
        if item["id"] in seen:
            return None
        seen.add(item["id"])
        names.insert(0, item["name"])
        item = known.get(item["parentId"])
    return names


def only(found, what, path):
    """:raises VaultError: CONFLICT for two, since names aren't unique in LockSelf"""
    if len(found) < 2:
        return found[0] if found else None
    ids = ", ".join(str(item["id"]) for item in found)
    raise VaultError("CONFLICT", "There are %d %s %s: %s" % (len(found), what, "/".join(path), ids), "Names aren't unique in LockSelf: rename one of them.")


def body_of(texts, fields):
    body = dict((TEXTS.get(name, name), ",".join(text) if name == "tags" else text) for name, text in texts.items())
    for field in fields or []:
        if field["name"] not in TYPES:
            raise not_supported("field %s" % field["name"])
        body[field["name"]] = field["value"]
    return body


def refuse_attributes(attributes):
    for name in sorted(attributes):
        raise not_supported("%s of categories that this collection could set" % name)
