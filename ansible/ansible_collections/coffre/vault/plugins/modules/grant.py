#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: grant
short_description: Who may do what in a category of a Coffre vault
version_added: 1.0.0
description:
  - Gives a user or a group a role in a category and what is below it, changes it, or takes it away.
  - A vault in a file only declares grants, since whoever has its key reads all; C(coffre serve) holds everybody to them.
author: The Coffre contributors (@coffre)
options:
  principal:
    description: The name of the user or group, who must be there already.
    type: str
    required: true
  kind:
    description: What O(principal) names.
    type: str
    choices: [user, group]
    default: group
  role:
    description: V(reader) reads, V(editor) changes entries, V(manager) changes the category and its grants. Needed for V(present).
    type: str
    choices: [reader, editor, manager]
  expires_at:
    description: When it ends, as V(2026-12-31T18:00:00Z). An empty text means never.
    type: str
  state:
    description: Whether there is such a grant.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - coffre.vault.category
  - coffre.vault.connection
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the grant before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let the administrators of databases change entries
  coffre.vault.grant:
    category: Production/Databases
    principal: DBA
    role: editor
  delegate_to: localhost

- name: Let a stand-in read until the end of the month
  coffre.vault.grant:
    category: Production/Databases
    principal: ana
    kind: user
    role: reader
    expires_at: "2026-12-31T18:00:00Z"
  delegate_to: localhost
"""

RETURN = r"""
grant:
  description: The grant as it is now. In check mode as it was.
  returned: when there is one
  type: dict
  sample:
    id: gr_0123456789abcdefghijkl
    role: reader
    expires_at: "2026-12-31T18:00:00.000Z"
code:
  description: The kind of failure, such as NOT_FOUND or FORBIDDEN.
  returned: on failure
  type: str
  sample: NOT_FOUND
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.task import differing, instant, needs_full, place_id, run_task


def main():
    module = AnsibleModule(
        argument_spec=connection_spec(
            category=dict(type="str", required=True),
            principal=dict(type="str", required=True),
            kind=dict(type="str", choices=["user", "group"], default="group"),
            role=dict(type="str", choices=["reader", "editor", "manager"]),
            expires_at=dict(type="str"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
        ),
        required_if=[("state", "present", ["role"])],
        supports_check_mode=True,
    )
    run_task(module, work)


def work(module, vault):
    needs_full(vault, "grants")
    where = place_id(vault, module.params["category"])
    kind, name = module.params["kind"], module.params["principal"]
    principal = vault.ask("people/find-principal", {"kind": kind, "name": name})
    absent = module.params["state"] == "absent"
    if principal is None:
        if absent:
            return dict(changed=False, diff=dict(before={}, after={}))
        raise VaultError("NOT_FOUND", "There is no %s of that name" % kind, "Make it in Coffre first, or correct the name.")
    found = vault.ask("people/find-grant", {"categoryId": where, "principalId": principal["id"]})
    before = None if found is None else shown(found)
    if absent:
        if found is not None and not module.check_mode:
            vault.change("people/delete-grant", {"id": found["id"], "proof": {}})
        return dict(changed=found is not None, diff=dict(before=before or {}, after={}))
    wanted = {"role": module.params["role"], "expires_at": instant(module.params["expires_at"], "expires_at")}
    new = differing(before or {}, wanted)
    if not new or module.check_mode:
        answer = dict(changed=bool(new), diff=dict(before=before or {}, after=dict(before or {}, **new)))
        return answer if before is None else dict(answer, grant=before)
    after = shown(put(vault, found, {"categoryId": where, "principalId": principal["id"]}, new))
    return dict(changed=True, grant=after, diff=dict(before=before or {}, after=after))


def put(vault, found, names, new):
    sent = dict(("expiresAt" if name == "expires_at" else name, value or None) for name, value in new.items())
    if found is None:
        return vault.change("people/create-grant", {"input": dict(names, **sent)})
    return vault.change("people/update-grant", {"id": found["id"], "patch": sent})


def shown(grant):
    return {"id": grant["id"], "role": grant["role"], "expires_at": grant.get("expiresAt")}


if __name__ == "__main__":
    main()
