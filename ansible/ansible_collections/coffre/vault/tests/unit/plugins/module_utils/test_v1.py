# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import pytest
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.v1 import V1Vault


class Server:
    """Answers each question with the same text."""

    place = "/run/agent.sock"

    def __init__(self, status, text):
        self.answer = status, text

    def ask(self, name, body):
        return self.answer

    def send(self, method, path, body=None, headers=None, repeatable=True):
        return self.answer


def test_each_answer_stands_in_its_place_whether_it_is_a_value_or_why_there_is_none():
    answers = [
        {"answer": {"value": "the-value"}},
        {"error": {"code": "CONFLICT", "problem": "Two credentials are called entry", "hint": "Rename one."}},
        {"error": {"code": "FORBIDDEN", "problem": "ana may not read it"}},
    ]
    first, second, third = V1Vault(Server(200, json.dumps({"value": answers}))).values([{"path": ["a"]}] * 3)
    assert first == {"value": "the-value"}
    assert str(second) == "CONFLICT: Two credentials are called entry. Rename one."
    assert third.code == "FORBIDDEN"


@pytest.mark.parametrize(
    "status, text, code",
    [
        (403, '{"error": {"code": "FORBIDDEN", "problem": "no"}}', "FORBIDDEN"),
        (502, "<h1>the-value of a proxy</h1>", "BAD_RESPONSE"),
        (200, "[]", "BAD_RESPONSE"),
    ],
)
def test_a_refusal_says_why_and_quotes_nothing_of_what_isnt_the_vaults(status, text, code):
    with pytest.raises(VaultError) as caught:
        V1Vault(Server(status, text)).values([{"path": ["a"]}])
    assert caught.value.code == code
    assert "the-value" not in str(caught.value)


def test_a_list_that_broke_off_is_none():
    with pytest.raises(VaultError) as caught:
        V1Vault(Server(200, '{"item": {}}\n')).entries_of(None)
    assert caught.value.code == "UNREACHABLE"
