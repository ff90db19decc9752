#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credential
short_description: An entry of a Coffre vault
version_added: 1.0.0
description:
  - Makes an entry, changes what is written in it, gives it a value, or takes it out of the tree.
  - The password of an account that Coffre rotates is never given here; M(coffre.vault.rotate) gives it another.
author: The Coffre contributors (@coffre)
options:
  path:
    description:
      - Where the entry stands, as V(Databases/orders-app). Names with special characters are percent-encoded.
      - Its category must be there already.
    type: str
    required: true
  state:
    description: V(absent) moves it to the archive, where its values stay. LockSelf has none, so there it is deleted.
    type: str
    choices: [present, absent]
    default: present
  username:
    description: The account's name. An empty text takes it away.
    type: str
  address:
    description: The URL at which the account is. An empty text takes it away.
    type: str
  description:
    description: A text for people, in which no secret belongs. An empty text takes it away.
    type: str
  tags:
    description: Words to find it by, all of them.
    type: list
    elements: str
  value:
    description:
      - The password. One that is in force already changes nothing; another is a new version.
      - Without it a new entry waits for its value.
    type: str
  update_value:
    description: V(on_create) gives O(value) and the values of O(fields) only to what has none yet.
    type: str
    choices: [always, on_create]
    default: always
  fields:
    description: Further values. Fields that aren't named stay as they are.
    type: list
    elements: dict
    suboptions:
      name:
        description: The field's name.
        type: str
        required: true
      type:
        description: What it holds. V(text) is no secret, and is shown.
        type: str
        choices: [secret, text, totp]
        default: secret
      value:
        description: Its value.
        type: str
        required: true
extends_documentation_fragment:
  - coffre.vault.connection
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows texts, the names of fields and numbers of versions, never a value.
    support: full
"""

EXAMPLES = r"""
- name: Give a new machine its first password, and keep it afterwards
  coffre.vault.credential:
    path: Hosts/web-1
    username: deploy
    value: "{{ lookup('ansible.builtin.password', '/dev/null', length=24) }}"
    update_value: on_create
  delegate_to: localhost

- name: Keep what a partner has sent
  coffre.vault.credential:
    path: Partners/mail-api
    address: https://mail.example.com
    fields:
      - name: key
        value: "{{ lookup('ansible.builtin.file', '/run/secrets/mail-api') }}"
  delegate_to: localhost
  no_log: true

- name: Take an entry out of the tree
  coffre.vault.credential:
    path: Hosts/web-0
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
entry:
  description: The entry as it is now, without a value. In check mode as it was.
  returned: when there is one
  type: dict
  sample:
    id: cr_0123456789abcdefghijkl
    path: [Hosts, web-1]
    username: deploy
    url: null
    description: null
    tags: []
    version: 1
    status: current
    fields: {}
code:
  description: The kind of failure, such as NOT_FOUND, FORBIDDEN or CONFLICT.
  returned: on failure
  type: str
  sample: FORBIDDEN
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import parse_path
from ansible_collections.coffre.vault.plugins.module_utils.task import category_id, differing, run_task

TEXTS = ("username", "url", "description", "tags")
SHOWN = ("id", "path", "username", "url", "description", "tags", "version", "status", "fields")


def main():
    fields = dict(
        name=dict(type="str", required=True),
        type=dict(type="str", choices=["secret", "text", "totp"], default="secret"),
        value=dict(type="str", required=True, no_log=True),
    )
    module = AnsibleModule(
        argument_spec=connection_spec(
            path=dict(type="str", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            username=dict(type="str"),
            address=dict(type="str"),
            description=dict(type="str"),
            tags=dict(type="list", elements="str"),
            value=dict(type="str", no_log=True),
            update_value=dict(type="str", choices=["always", "on_create"], default="always"),
            fields=dict(type="list", elements="dict", options=fields),
        ),
        supports_check_mode=True,
    )
    run_task(module, work)


def work(module, vault):
    path = parse_path(module.params["path"])
    for value in [module.params["value"] or ""] + [field["value"] for field in module.params["fields"] or []]:
        if "\0" in value:
            raise VaultError("INVALID_INPUT", "A value has a NUL character, so it is no text", "Keep it as a file, by coffre put.")
    before = vault.find_entry(path)
    if module.params["state"] == "absent":
        if before is not None and not module.check_mode:
            vault.remove_entry(before)
        return result(before, None, before is not None)
    if before is None:
        return create(module, vault, path)
    return update(module, vault, before)


def create(module, vault, path):
    parent = category_id(vault, path[:-1])
    texts = wanted_texts(module, {})
    fields = module.params["fields"] or []
    value = module.params["value"]
    if module.check_mode:
        shown = dict(texts, path=path, version=None if value is None else 1, fields=dict((each["name"], each["type"]) for each in fields))
        return dict(changed=True, diff=dict(before={}, after=shown))
    return result(None, vault.create_entry(parent, path[-1], texts, value, fields), True)


def update(module, vault, before):
    texts = wanted_texts(module, before)
    value, fields = new_values(module, vault, before)
    changed = bool(texts or fields or value is not None)
    if not changed or module.check_mode:
        version = (before["version"] or 0) + 1 if value is not None else before["version"]
        kinds = dict(before["fields"], **dict((each["name"], each["type"]) for each in fields))
        new = ["password"] * (value is not None) + [each["name"] for each in fields]
        return dict(result(before, dict(before, **dict(texts, version=version, fields=kinds)), changed, new), entry=shown_of(before))
    after = before
    if texts or fields:
        after = vault.update_entry(before, texts, fields)
    if value is not None:
        after = vault.put_value(after, value)
    return result(before, after, True, ["password"] * (value is not None) + [each["name"] for each in fields])


def wanted_texts(module, before):
    wanted = dict((name, module.params["address" if name == "url" else name]) for name in TEXTS)
    return differing(before, wanted)


def new_values(module, vault, before):
    """The password and the fields that aren't as they are wanted yet."""
    on_create = module.params["update_value"] == "on_create"
    fields = [field for field in module.params["fields"] or [] if not (on_create and field["name"] in before["fields"])]
    value = module.params["value"]
    if on_create and has_value(before):
        value = None
    names = ([None] if value is not None and has_value(before) else []) + [each["name"] for each in fields if each["name"] in before["fields"]]
    key = {"id": before["id"]} if vault.full else {"path": before["path"]}
    answers = vault.values([key if name is None else dict(key, field=name) for name in names]) if names else []
    now = {}
    for name, answer in zip(names, answers):
        if isinstance(answer, VaultError):
            if answer.code != "NOT_FOUND":
                raise answer
        else:
            now[name] = (answer["value"], before["fields"].get(name))
    fields = [field for field in fields if now.get(field["name"]) != (field["value"], field["type"])]
    return None if value is None or (None in now and now[None][0] == value) else value, fields


def has_value(entry):
    return entry["status"] != "awaiting-value"


def result(before, after, changed, new=()):
    shown = shown_of(after)
    told = dict(changed=changed, diff=dict(before=shown_of(before), after=dict(shown, new_values=list(new)) if new else shown))
    return dict(told, entry=shown) if shown else told


def shown_of(entry):
    return {} if entry is None else dict((name, entry[name]) for name in SHOWN)


if __name__ == "__main__":
    main()
