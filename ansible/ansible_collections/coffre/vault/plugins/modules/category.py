#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: category
short_description: A category of a Coffre vault
version_added: 1.0.0
description:
  - Makes a category, changes it, or deletes one in which nothing stands.
author: The Coffre contributors (@coffre)
options:
  path:
    description: Names from the root down, as V(Production/Databases). Names with special characters are percent-encoded.
    type: str
    required: true
  state:
    description: V(absent) is refused while anything stands in it.
    type: str
    choices: [present, absent]
    default: present
  parents:
    description: Make the categories above it, too, where they aren't there.
    type: bool
    default: false
  description:
    description: A text for people. An empty text takes it away. Not for LockSelf.
    type: str
  inherit_grants:
    description: Whether grants of the categories above hold in it. A new one inherits. Not for LockSelf.
    type: bool
  policy:
    description: What passwords in it and below it must be like, all of it. An empty mapping takes it away. Not for LockSelf.
    type: dict
    suboptions:
      min_length:
        description: Fewest characters.
        type: int
      max_length:
        description: Most characters.
        type: int
      require:
        description: Classes of which a character must occur.
        type: list
        elements: str
        choices: [lower, upper, digit, symbol]
      forbidden:
        description: Characters that must not occur.
        type: str
      allowed_symbols:
        description: The only symbols that may occur.
        type: str
      min_bits:
        description: Fewest bits of strength.
        type: float
extends_documentation_fragment:
  - coffre.vault.connection
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the category before and after.
    support: full
"""

EXAMPLES = r"""
- name: Have a category for databases
  coffre.vault.category:
    path: Production/Databases
    parents: true
    policy:
      min_length: 24
      require: [lower, upper, digit]
  delegate_to: localhost

- name: Delete one that is empty
  coffre.vault.category:
    path: Staging
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
category:
  description: The category as it is now. In check mode as it was.
  returned: when there is one
  type: dict
  sample:
    id: ct_0123456789abcdefghijkl
    name: Databases
    path: [Production, Databases]
    description: null
    policy: {minLength: 24, require: [lower, upper, digit]}
    inherit_grants: true
code:
  description: The kind of failure, such as FORBIDDEN or CONFLICT.
  returned: on failure
  type: str
  sample: CONFLICT
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import parse_path
from ansible_collections.coffre.vault.plugins.module_utils.task import category_id, run_task

RULES = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "require": "require",
    "forbidden": "forbidden",
    "allowed_symbols": "allowedSymbols",
    "min_bits": "minBits",
}


def main():
    policy = dict(
        min_length=dict(type="int"),
        max_length=dict(type="int"),
        require=dict(type="list", elements="str", choices=["lower", "upper", "digit", "symbol"]),
        forbidden=dict(type="str"),
        allowed_symbols=dict(type="str"),
        min_bits=dict(type="float"),
    )
    module = AnsibleModule(
        argument_spec=connection_spec(
            path=dict(type="str", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            parents=dict(type="bool", default=False),
            description=dict(type="str"),
            inherit_grants=dict(type="bool"),
            policy=dict(type="dict", options=policy),
        ),
        supports_check_mode=True,
    )
    run_task(module, work)


def work(module, vault):
    path = parse_path(module.params["path"])
    before = vault.find_category(path)
    if module.params["state"] == "absent":
        if before is not None and not module.check_mode:
            vault.remove_category(before)
        return dict(changed=before is not None, diff=dict(before=before or {}, after={}))
    wanted = wanted_attributes(module, before or {})
    if before is None:
        return create(module, vault, path, wanted)
    if not wanted or module.check_mode:
        return dict(changed=bool(wanted), category=before, diff=dict(before=before, after=dict(before, **shown(wanted))))
    after = vault.update_category(before, wanted)
    return dict(changed=True, category=after, diff=dict(before=before, after=after))


def create(module, vault, path, wanted):
    missing = 1
    while module.params["parents"] and missing < len(path) and vault.find_category(path[:-missing]) is None:
        missing += 1
    above = path[:-missing]
    parent = category_id(vault, above)
    if module.check_mode:
        return dict(changed=True, diff=dict(before={}, after=dict(shown(wanted), path=path)))
    made = None
    for depth in range(len(above), len(path)):
        made = vault.create_category(parent, path[depth], wanted if depth == len(path) - 1 else {})
        parent = made["id"] if made else None
    if made is None:
        raise VaultError("NOT_FOUND", "The category was made, and isn't seen", "Check what the API user may see.")
    return dict(changed=True, category=made, diff=dict(before={}, after=made))


def wanted_attributes(module, before):
    """What isn't so yet, in the vault's words."""
    wanted = {}
    if module.params["description"] is not None and module.params["description"] != (before.get("description") or ""):
        wanted["description"] = module.params["description"]
    inherits = module.params["inherit_grants"]
    if inherits is not None and inherits != before.get("inherit_grants", True):
        wanted["inheritGrants"] = inherits
    if module.params["policy"] is not None:
        policy = dict((RULES[name], value) for name, value in module.params["policy"].items() if value is not None)
        if policy != (before.get("policy") or {}):
            wanted["policy"] = policy
    return wanted


def shown(wanted):
    return dict(("inherit_grants" if name == "inheritGrants" else name, value) for name, value in wanted.items())


if __name__ == "__main__":
    main()
