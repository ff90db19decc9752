#!/usr/bin/python
# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate
short_description: Rotate passwords of a Coffre vault
version_added: 1.0.0
description:
  - Runs C(coffre rotate) where the task runs, which draws each password, keeps it in the vault as pending, sets it on the account's target, proves it by
    a login, and only then makes it current. What an earlier run left unfinished is finished with the same password.
  - The rotation needs Coffre's drivers and their connections, so it is the command that does it and not the server. Run it on the controller.
  - No value passes through this module.
author: The Coffre contributors (@coffre)
options:
  references:
    description: References, paths or ids of the entries to rotate now.
    type: list
    elements: str
  due:
    description: Rotate whatever its rhythm wants by now. Not together with O(references).
    type: bool
    default: false
  parallel:
    description: So many at a time.
    type: int
    default: 4
  executable:
    description: The command, by name or path.
    type: str
    default: coffre
extends_documentation_fragment:
  - coffre.vault.connection
attributes:
  check_mode:
    description: Says which ones it would be (C(--dry-run)), and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show but numbers of versions.
    support: none
"""

EXAMPLES = r"""
- name: Rotate the accounts of all hosts of the play, by one command
  coffre.vault.rotate:
    references: "{{ ansible_play_hosts_all | map('regex_replace', '^', 'Hosts/') | list }}"
    parallel: 8
  delegate_to: localhost
  run_once: true

- name: Rotate what is due, as a nightly job
  coffre.vault.rotate:
    due: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
rotations:
  description: What became of each entry. In check mode the entries that it would be.
  returned: when the command ran
  type: list
  elements: dict
  sample:
    - ref: coffre://prod/Hosts/web-1
      id: cr_0123456789abcdefghijkl
      action: rotated
      version: 4
      previous_version: 3
      error: null
code:
  description: The kind of failure, of the first entry that failed or of the command.
  returned: on failure
  type: str
  sample: UNREACHABLE
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.coffre.vault.plugins.module_utils.connection import connection_spec

CHANGES = ("rotated", "finished", "mended", "drained")
VARIABLES = {
    "agent": "COFFRE_AGENT",
    "url": "COFFRE_URL",
    "token_file": "COFFRE_TOKEN_FILE",
    "lockself_auth_token_file": "COFFRE_LOCKSELF_AUTH_TOKEN_FILE",
    "lockself_ls_token_file": "COFFRE_LOCKSELF_LS_TOKEN_FILE",
}


def main():
    module = AnsibleModule(
        argument_spec=connection_spec(
            references=dict(type="list", elements="str"),
            due=dict(type="bool", default=False),
            parallel=dict(type="int", default=4),
            executable=dict(type="str", default="coffre"),
        ),
        required_one_of=[("references", "due")],
        supports_check_mode=True,
    )
    references = module.params["references"] or []
    if bool(references) == module.params["due"]:
        module.fail_json(msg="Give references, or due: true, one of them.", code="INVALID_INPUT")
    for reference in references:
        if reference.startswith("-") or "\0" in reference:
            module.fail_json(msg="A reference is none: it begins with a dash or holds a NUL.", code="INVALID_INPUT")
    if module.params["token"] and module.params["token"] != os.environ.get("COFFRE_TOKEN"):
        module.fail_json(msg="The command takes no token as an option: give token_file.", code="INVALID_INPUT")
    module.exit_json(**rotate(module, references))


def rotate(module, references):
    words = [module.params["executable"], "rotate", "--json"]
    words.extend(["--dry-run"] if module.check_mode else ["--parallel", str(module.params["parallel"])])
    words.extend(references or ["--due"])
    try:
        code, out, err = module.run_command(words, environ_update=environment(module), handle_exceptions=False)
    except OSError:
        module.fail_json(msg="The command %s can't be run here: install Coffre, or give executable." % words[0], code="CONFIGURATION")
    answer = parsed(out)
    if not isinstance(answer, list):
        error = dict(parsed(err.strip().rpartition("\n")[2]) or {}).get("error")
        # What it says in words names entries and settings, never a value.
        said = sentence(error) if error else err.strip() or "%s ended with %d and said nothing." % (words[0], code)
        module.fail_json(msg=said, code=(error or {}).get("code", "BAD_RESPONSE"), rc=code)
    if module.check_mode:
        return dict(changed=bool(answer), rotations=[dict(ref=each.get("ref"), id=each.get("id"), action="none") for each in answer])
    rotations = [shown(each) for each in answer]
    failed = [each["error"] for each in rotations if each["error"]]
    result = dict(changed=any(each["action"] in CHANGES for each in rotations), rotations=rotations)
    if failed:
        more = "" if len(failed) == 1 else " (and %d more of %d failed)" % (len(failed) - 1, len(rotations))
        module.fail_json(msg=sentence(failed[0]) + more, code=failed[0].get("code"), rc=code, **result)
    return result


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def environment(module):
    """The way to the vault for the command, which finds the rest of its configuration where a person's shell finds it."""
    named = dict((variable, module.params[option]) for option, variable in VARIABLES.items() if module.params[option])
    if not module.params["agent"]:
        named["COFFRE_AGENT"] = ""
    return named


def sentence(error):
    hint = error.get("hint")
    return "%s: %s." % (error.get("code"), error.get("problem")) + (" %s" % hint if hint else "")


def shown(item):
    return dict(
        ref=item.get("ref"),
        id=item.get("id"),
        action=item.get("action"),
        version=item.get("version"),
        previous_version=item.get("previousVersion"),
        error=item.get("error"),
    )


if __name__ == "__main__":
    main()
