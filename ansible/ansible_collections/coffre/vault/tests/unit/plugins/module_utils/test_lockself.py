# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import pytest
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.lockself import LockselfVault


class Server:
    """Answers from two lists, one entry a page, and keeps count."""

    place = "https://lockself.example"

    def __init__(self, categories, credentials, style="items", opened=None):
        self.opened = opened or {}
        self.lists = {"categories": categories, "credentials": credentials}
        self.style = style
        self.asked = []

    def send(self, method, path, body=None, headers=None, repeatable=True):
        self.asked.append(path)
        name = path[len("/api-key/"):].partition("?")[0]
        if name in self.opened:
            return 200, json.dumps(self.opened[name])
        if name not in self.lists:
            return 403, '{"message": "a text that quotes the-value"}'
        page = int(path.partition("page=")[2].partition("&")[0])
        items = self.lists[name]
        shown = items[page - 1:page]
        listed = {"items": shown} if self.style == "items" else {"_embedded": {"items": shown}}
        return 200, json.dumps(dict(listed, pages=str(len(items))))


SPACE = {"id": "1", "name": "Robots", "parentId": None}
BELOW = {"id": 2, "name": "Databases", "parentId": "1"}
OTHER = {"id": 3, "name": "People", "parentId": None}


@pytest.mark.parametrize("style", ["items", "embedded"])
def test_a_category_is_found_below_its_space_on_any_page(style):
    vault = LockselfVault(Server([SPACE, BELOW, OTHER], [], style), ["Robots"], None)
    assert vault.find_category(["Databases"])["id"] == 2
    assert vault.find_category([])["id"] == 1
    assert vault.find_category(["People"]) is None


def test_two_entries_of_a_name_are_a_conflict_and_none_is_taken():
    entries = [{"id": 7, "name": "orders-app"}, {"id": 8, "name": "orders-app"}]
    vault = LockselfVault(Server([SPACE, BELOW], entries), ["Robots"], None)
    (answer,) = vault.values([{"path": ["Databases", "orders-app"]}])
    assert answer.code == "CONFLICT"
    assert "7, 8" in str(answer)


def test_a_refusal_quotes_nothing_of_the_answer():
    vault = LockselfVault(Server([SPACE, BELOW], [{"id": 7, "name": "orders-app"}]), ["Robots"], None)
    (answer,) = vault.values([{"path": ["Databases", "orders-app"]}])
    assert answer.code == "FORBIDDEN"
    assert "the-value" not in str(answer)


def answers(credential, *fields):
    opened = {"credentials/7/decrypt": credential}
    vault = LockselfVault(Server([SPACE, BELOW], [{"id": 7, "name": "orders-app"}], opened=opened), ["Robots"], None)
    return vault.values([{"path": ["Databases", "orders-app"], "field": field} for field in fields])


MARK = "coffre cr_nYdO9ytVekWvsY9IiRkR7n"


def test_what_a_vault_of_coffres_encodes_for_people_is_handed_out_as_it_was():
    (answer,) = answers({"password": "base64:TWtUYWIJTWs5LXg=", "opt3": MARK}, "password")
    assert answer["value"] == "MkTab\tMk9-x"
    (answer,) = answers({"password": "base64:TWtUYWIJTWs5LXg=", "opt3": MARK + " " + "0" * 32}, "password")
    assert answer["value"] == "MkTab\tMk9-x"
    (answer,) = answers({"password": "base64:TWtUYWIJTWs5LXg=", "opt3": "ours"}, "password")
    assert answer["value"] == "base64:TWtUYWIJTWs5LXg="
    (answer,) = answers({"password": "(too long for one entry: it stands in those beside it)", "opt3": MARK}, "password")
    assert answer.code == "NOT_SUPPORTED"
    (answer,) = answers({"password": "base64:not base64", "opt3": MARK}, "password")
    assert answer.code == "BAD_RESPONSE"
    assert "not base64" not in str(answer)


def test_fields_of_a_vault_of_coffres_are_said_to_be_elsewhere_and_its_mark_is_none():
    for answer in answers({"password": "x", "opt3": MARK}, "opt1", "opt3", "api"):
        assert answer.code == "NOT_FOUND"
        assert "coffre serve" in answer.hint


def test_a_space_that_is_not_there_is_said():
    (answer,) = LockselfVault(Server([SPACE], []), ["Nope"], None).values([{"path": ["a", "b"]}])
    assert str(answer).startswith("NOT_FOUND: There is no space Nope")


def test_parents_that_lead_in_a_circle_end():
    circle = [{"id": 1, "name": "a", "parentId": 2}, {"id": 2, "name": "b", "parentId": 1}]
    assert LockselfVault(Server(circle, []), ["a"], None).find_category([]) is None


def test_what_has_no_place_there_is_said():
    vault = LockselfVault(Server([SPACE], []), ["Robots"], None)
    with pytest.raises(VaultError) as caught:
        vault.create_category(None, "x", {"policy": {}})
    assert caught.value.code == "NOT_SUPPORTED"
