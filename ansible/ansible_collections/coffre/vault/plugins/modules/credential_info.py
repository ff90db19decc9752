#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_info
short_description: Facts of entries of a Coffre vault
version_added: 1.0.0
description:
  - Says all there is to know of entries but their values.
author: The Coffre contributors (@coffre)
options:
  references:
    description: References, paths or ids of entries. One that isn't there is left out of the answer.
    type: list
    elements: str
  category:
    description: A category, all of whose own entries are wanted; an empty text is the root.
    type: str
extends_documentation_fragment:
  - coffre.vault.connection
attributes:
  check_mode:
    description: It never changes anything.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
"""

EXAMPLES = r"""
- name: Look at one entry
  coffre.vault.credential_info:
    references: [Databases/orders-app]
  delegate_to: localhost
  register: found

- name: Stop while it waits for a person
  ansible.builtin.assert:
    that: found.entries[0].status == 'current'

- name: List a category
  coffre.vault.credential_info:
    category: Databases
  delegate_to: localhost
"""

RETURN = r"""
entries:
  description: The entries that were found, in the order of O(references), then those of O(category).
  returned: success
  type: list
  elements: dict
  sample:
    - id: cr_0123456789abcdefghijkl
      name: orders-app
      path: [Databases, orders-app]
      username: orders_app
      url: null
      description: null
      tags: []
      version: 3
      status: current
      fields:
        key: secret
code:
  description: The kind of failure, such as FORBIDDEN or CONFLICT.
  returned: on failure
  type: str
  sample: FORBIDDEN
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import parse_reference
from ansible_collections.coffre.vault.plugins.module_utils.task import place_id, run_task

SHOWN = ("id", "name", "path", "username", "url", "description", "tags", "version", "status", "fields")


def main():
    module = AnsibleModule(
        argument_spec=connection_spec(
            references=dict(type="list", elements="str"),
            category=dict(type="str"),
        ),
        required_one_of=[("references", "category")],
        supports_check_mode=True,
    )
    run_task(module, work)


def work(module, vault):
    references = [parse_reference(text) for text in module.params["references"] or []]
    vault.check_name([reference.vault for reference in references])
    found = [entry for entry in (find(vault, reference) for reference in references) if entry is not None]
    place = module.params["category"]
    if place is not None:
        found.extend(vault.entries_of(place_id(vault, place)))
    return dict(changed=False, entries=[dict((name, entry[name]) for name in SHOWN) for entry in found])


def find(vault, reference):
    if reference.path is not None:
        return vault.find_entry(reference.path)
    try:
        return vault.entry_by_id(reference.id)
    except VaultError as error:
        if error.code == "NOT_FOUND":
            return None
        raise


if __name__ == "__main__":
    main()
