# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: scram_verifier
author: The Coffre contributors (@coffre)
short_description: What PostgreSQL keeps of a password
version_added: 1.0.0
description:
  - Makes the SCRAM-SHA-256 verifier of a password, with a new salt each time, as PostgreSQL 10 and newer keep it.
  - Given in the place of the password, the server never sees the password, and no log of its statements has it.
  - The verifier is a hash, of which a weak password can be guessed. A task that uses it needs C(no_log=true).
options:
  _input:
    description: The password, of printable ASCII characters.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Set the password of a role
  ansible.builtin.command:
    cmd: psql --no-psqlrc --set=ON_ERROR_STOP=1
    stdin: ALTER ROLE orders_app PASSWORD '{{ lookup('coffre.vault.credential', 'Databases/orders-app') | coffre.vault.scram_verifier }}';
  become: true
  become_user: postgres
  changed_when: true
  no_log: true
"""

RETURN = r"""
_value:
  description: The verifier, V(SCRAM-SHA-256$iterations:salt$stored key:server key).
  type: str
"""

import hashlib
import hmac
import os
from base64 import b64encode

from ansible.errors import AnsibleFilterError

# PostgreSQL's own number.
ITERATIONS = 4096
SALT_BYTES = 16


def scram_verifier(password):
    if not isinstance(password, str) or password == "" or any(not " " <= character <= "~" for character in password):
        # Others would have to be prepared as RFC 4013 says before they are hashed.
        raise AnsibleFilterError("coffre.vault.scram_verifier takes a password of printable ASCII characters; what it was given isn't one.")
    return verifier_of(password, os.urandom(SALT_BYTES), ITERATIONS)


def verifier_of(password, salt, iterations):
    """RFC 5802, section 3, with SHA-256 (RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = [b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return "SCRAM-SHA-256$%d:%s$%s:%s" % (iterations, shown[0], shown[1], shown[2])


class FilterModule:
    def filters(self):
        return {"scram_verifier": scram_verifier}
