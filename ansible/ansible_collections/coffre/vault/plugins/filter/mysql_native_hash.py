# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mysql_native_hash
author: The Coffre contributors (@coffre)
short_description: What MariaDB keeps of a password
version_added: 1.0.0
description:
  - Makes what MariaDB keeps of a password for C(mysql_native_password), without salt as the server does.
  - Given in the place of the password, the server never sees the password, and no log of its statements has it.
  - Of the hash a weak password can be guessed, and together with one overheard login it logs in. A task that uses it needs C(no_log=true).
options:
  _input:
    description: The password, any text without a NUL.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Set the password of an account
  ansible.builtin.command:
    cmd: mariadb --batch
    stdin: |
      ALTER USER orders_app@'%' IDENTIFIED VIA mysql_native_password
        USING '{{ lookup('coffre.vault.credential', 'Databases/orders-app') | coffre.vault.mysql_native_hash }}';
  become: true
  changed_when: true
  no_log: true
"""

RETURN = r"""
_value:
  description: The hash, an asterisk and SHA1(SHA1(password)) in hexadecimal.
  type: str
"""

import hashlib

from ansible.errors import AnsibleFilterError


def mysql_native_hash(password):
    if not isinstance(password, str) or password == "" or "\0" in password:
        raise AnsibleFilterError("coffre.vault.mysql_native_hash takes a password, a text without a NUL; what it was given isn't one.")
    once = hashlib.sha1(password.encode("utf-8")).digest()
    return "*" + hashlib.sha1(once).hexdigest().upper()


class FilterModule:
    def filters(self):
        return {"mysql_native_hash": mysql_native_hash}
