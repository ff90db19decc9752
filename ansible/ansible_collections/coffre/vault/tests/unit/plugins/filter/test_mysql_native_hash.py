# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.coffre.vault.plugins.filter.mysql_native_hash import mysql_native_hash


def test_is_that_of_the_manual():
    # MariaDB's manual, PASSWORD().
    assert mysql_native_hash("notagoodpwd") == "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"


@pytest.mark.parametrize("password", ["", None, 5, "caf\u00e9 nul\0"])
def test_refuses_what_is_no_password_and_quotes_nothing(password):
    with pytest.raises(AnsibleFilterError) as caught:
        mysql_native_hash(password)
    assert "caf" not in str(caught.value)
