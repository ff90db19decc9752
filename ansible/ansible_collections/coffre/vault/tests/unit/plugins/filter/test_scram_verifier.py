# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from base64 import b64decode

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.coffre.vault.plugins.filter.scram_verifier import scram_verifier, verifier_of


def test_is_that_of_the_exchange_in_rfc_7677():
    verifier = verifier_of("pencil", b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    stored, server = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    assert verifier == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$%s:%s" % (stored, server)


def test_each_has_a_salt_of_its_own():
    assert scram_verifier("pencil") != scram_verifier("pencil")


@pytest.mark.parametrize("password", ["", None, "caf\u00e9", "two\nlines", "nul\0"])
def test_refuses_what_would_have_to_be_prepared_and_quotes_nothing(password):
    with pytest.raises(AnsibleFilterError) as caught:
        scram_verifier(password)
    assert "caf" not in str(caught.value)
