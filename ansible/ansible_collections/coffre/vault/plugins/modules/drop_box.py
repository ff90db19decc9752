#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drop_box
short_description: A drop-box of a Coffre vault
version_added: 1.0.0
description:
  - Makes a box into which people outside put files, changes it, or archives it with all that was deposited.
author: The Coffre contributors (@coffre)
options:
  name:
    description: The box's name, one of its kind among the live boxes of the category.
    type: str
    required: true
  state:
    description: V(absent) takes it from its recipients; what was deposited stays in the archive.
    type: str
    choices: [present, absent]
    default: present
  recipients:
    description: E-mail addresses of those who may deposit, all of them. A new box has none unless they are given.
    type: list
    elements: str
  managers:
    description: E-mail addresses of those who see all deposits, all of them.
    type: list
    elements: str
  description:
    description: What is wanted, for the mail and the page. An empty text takes it away.
    type: str
  expires_at:
    description: From when on nothing can be deposited, as V(2026-12-31T18:00:00Z). An empty text means never.
    type: str
  archives_at:
    description: From when on it is archived. An empty text means never.
    type: str
  partitioned:
    description: Whether a recipient sees only what that recipient deposited. A new box isn't partitioned.
    type: bool
  enabled:
    description: Whether it is open to its recipients. A new box is.
    type: bool
  max_bytes:
    description: All its files together, in bytes.
    type: int
  file_types:
    description: What a file may be, as names end, all of them; an empty list means anything.
    type: list
    elements: str
  keep_days:
    description: After how many days a deposit is deleted.
    type: int
extends_documentation_fragment:
  - coffre.vault.category
  - coffre.vault.connection
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the box before and after.
    support: full
"""

EXAMPLES = r"""
- name: Ask a partner for the month's figures
  coffre.vault.drop_box:
    category: Partners
    name: Figures of November
    recipients: [figures@partner.example]
    managers: [team@example.com]
    expires_at: "2026-12-05T18:00:00Z"
    file_types: [xlsx]
  delegate_to: localhost

- name: Take it away
  coffre.vault.drop_box:
    category: Partners
    name: Figures of October
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
box:
  description: The box as it is now. In check mode as it was.
  returned: when there is one
  type: dict
  sample:
    id: bx_0123456789abcdefghijkl
    name: Figures of November
    recipients: [figures@partner.example]
    managers: [team@example.com]
    description: null
    expires_at: "2026-12-05T18:00:00.000Z"
    archives_at: null
    partitioned: false
    enabled: true
    max_bytes: null
    file_types: [xlsx]
    keep_days: null
    status: open
    url: null
code:
  description: The kind of failure, such as NOT_FOUND or INVALID_INPUT.
  returned: on failure
  type: str
  sample: INVALID_INPUT
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec
from ansible_collections.coffre.vault.plugins.module_utils.task import differing, instant, needs_full, place_id, run_task

# Each option and its name in the vault.
ATTRIBUTES = {
    "recipients": "recipients",
    "managers": "managers",
    "description": "description",
    "expires_at": "expiresAt",
    "archives_at": "archivesAt",
    "partitioned": "partitioned",
    "enabled": "enabled",
    "max_bytes": "maxBytes",
    "file_types": "fileTypes",
    "keep_days": "keepDays",
}
LISTS_ALWAYS = ("recipients", "managers")


def main():
    module = AnsibleModule(
        argument_spec=connection_spec(
            category=dict(type="str", required=True),
            name=dict(type="str", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            recipients=dict(type="list", elements="str"),
            managers=dict(type="list", elements="str"),
            description=dict(type="str"),
            expires_at=dict(type="str"),
            archives_at=dict(type="str"),
            partitioned=dict(type="bool"),
            enabled=dict(type="bool"),
            max_bytes=dict(type="int"),
            file_types=dict(type="list", elements="str"),
            keep_days=dict(type="int"),
        ),
        supports_check_mode=True,
    )
    run_task(module, work)


def work(module, vault):
    needs_full(vault, "drop-boxes")
    where, name = place_id(vault, module.params["category"]), module.params["name"]
    found = vault.ask("boxes/find-box", {"categoryId": where, "name": name})
    before = None if found is None else shown(found)
    if module.params["state"] == "absent":
        if found is not None and not module.check_mode:
            vault.change("boxes/archive-box", {"id": found["id"], "proof": {}})
        return dict(changed=found is not None, diff=dict(before=before or {}, after={}))
    wanted = dict((option, module.params[option]) for option in ATTRIBUTES)
    for option in ("expires_at", "archives_at"):
        wanted[option] = instant(wanted[option], option)
    new = differing(before or {"partitioned": False, "enabled": True}, wanted)
    changed = before is None or bool(new)
    if not changed or module.check_mode:
        answer = dict(changed=changed, diff=dict(before=before or {}, after=dict(before or {"name": name}, **new)))
        return answer if before is None else dict(answer, box=before)
    after = shown(put(vault, found, {"categoryId": where, "name": name}, new))
    return dict(changed=True, box=after, diff=dict(before=before or {}, after=after))


def put(vault, found, names, new):
    sent = dict((ATTRIBUTES[option], value) for option, value in new.items())
    if found is None:
        return vault.change("boxes/create-box", {"input": dict({"recipients": []}, **dict(names, **sent))})
    patch = dict((name, None if value in ("", []) and name not in LISTS_ALWAYS else value) for name, value in sent.items())
    return vault.change("boxes/update-box", {"id": found["id"], "patch": patch})


def shown(box):
    told = dict((option, box.get(name)) for option, name in ATTRIBUTES.items())
    return dict(told, id=box["id"], name=box["name"], status=box["status"], url=box.get("url"))


if __name__ == "__main__":
    main()
