# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import format_path, parse_path, parse_reference

ID = "cr_0123456789abcdefghijkl"


@pytest.mark.parametrize(
    "text, request_, vault",
    [
        ("coffre://prod/Databases/orders-app", {"path": ["Databases", "orders-app"]}, "prod"),
        ("coffre://prod/id/" + ID, {"id": ID}, "prod"),
        (ID, {"id": ID}, None),
        ("/Databases/orders-app/", {"path": ["Databases", "orders-app"]}, None),
        ("a%2Fb/c%3F?field=key&version=3", {"path": ["a/b", "c?"], "field": "key", "version": 3}, None),
        ("coffre://prod/%69d/x?version=previous", {"path": ["id", "x"], "version": "previous"}, "prod"),
        ("e\u0301", {"path": ["\u00e9"]}, None),
    ],
)
def test_reads(text, request_, vault):
    reference = parse_reference(text)
    assert reference.request() == request_
    assert reference.vault == vault


@pytest.mark.parametrize(
    "text",
    ["", "https://x/y", "coffre://prod", "coffre://prod/id/x", "a#b", "a?b=c", "a?field=x&field=y", "a?version=0"]
    + ["a/%zz", "a//b", "a%00", "x" * 9000, 7, "a/%ff"],
)
def test_refuses_and_repeats_nothing(text):
    with pytest.raises(VaultError) as caught:
        parse_reference(text)
    assert caught.value.code == "INVALID_INPUT"
    if len(str(text)) > 3:
        assert str(text) not in str(caught.value)


def test_what_the_reference_says_wins():
    assert parse_reference("a?version=2", field="key", version="previous").request() == {"path": ["a"], "field": "key", "version": 2}


def test_a_path_survives_its_writing():
    names = ["a/b", "100%", "\u00e9 '\"", "?#"]
    assert parse_path(format_path(names)) == names
    with pytest.raises(VaultError):
        parse_path("a?field=x")
