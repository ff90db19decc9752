# Copyright: The Coffre contributors
# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt), or Apache License 2.0, as you choose
# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: credential
author: The Coffre contributors (@coffre)
short_description: Values out of a Coffre vault
version_added: 1.0.0
description:
  - Reads values of one or many entries by one request, whichever fields and versions they are of.
  - Nothing is kept. Each evaluation asks the vault, and a variable with a lookup is evaluated wherever it is used.
  - A task that uses a value needs C(no_log=true), or Ansible writes the value into its output and its artifacts.
options:
  _terms:
    description:
      - References (V(coffre://prod/Databases/orders-app), V(coffre://prod/id/cr_...)), paths in the vault (V(Databases/orders-app)) or ids.
      - Each may end with V(?field=...) and V(?version=current|previous|pending|n).
    required: true
    type: list
    elements: str
  field:
    description:
      - Which field of the entries whose reference names none. Default is the password.
      - A file's value is its base64. One-time codes aren't handed out.
    type: str
  version:
    description: Which version, V(current), V(previous), V(pending) or a number, of those whose reference names none.
    type: str
  form:
    description:
      - V(values) gives a list of texts in the order of the references.
      - V(by_reference) gives one mapping of each reference, as it was written, to its text.
      - V(entries) gives a list of mappings with C(value), C(username), C(version), C(status), C(field), C(id) and C(path).
    type: str
    choices: [values, by_reference, entries]
    default: values
extends_documentation_fragment:
  - coffre.vault.connection
  - coffre.vault.connection.plugins
"""

EXAMPLES = r"""
- name: Log in to each host with its own password
  hosts: databases
  vars:
    ansible_password: "{{ lookup('coffre.vault.credential', 'Hosts/' ~ inventory_hostname) }}"
  tasks:
    - name: Answer
      ansible.builtin.ping:

- name: Read many by one request, for all hosts of a play
  hosts: databases
  gather_facts: false
  tasks:
    - name: Ask once for the passwords of all hosts
      ansible.builtin.set_fact:
        host_passwords: "{{ lookup('coffre.vault.credential', *references, form='by_reference') }}"
      vars:
        references: "{{ ansible_play_hosts_all | map('regex_replace', '^', 'Hosts/') | list }}"
      run_once: true
      no_log: true

    - name: Log in with them
      ansible.builtin.ping:
      vars:
        ansible_password: "{{ host_passwords['Hosts/' ~ inventory_hostname] }}"

- name: Put a key into a file
  hosts: mail
  tasks:
    - name: Write it
      ansible.builtin.copy:
        content: "{{ lookup('coffre.vault.credential', 'Partners/mail-api?field=key') }}"
        dest: /etc/mail-api.key
        mode: "0600"
      no_log: true
"""

RETURN = r"""
_raw:
  description: The values, in the form that O(form) says.
  type: list
  elements: raw
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.coffre.vault.plugins.module_utils.connection import open_vault
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import parse_reference

WARNED = {
    "rotating": "is being rotated: the password that works may change while you use it",
    "needs-attention": "waits for a person's decision: the password may not be the one that works (coffre attention)",
}

# As at /v1/value. What stands in the vault is the seed of all codes that are still to come.
ONE_TIME = "One-time codes aren't handed out here"


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        if kwargs:
            self.set_options(var_options=variables, direct=kwargs)
        self._variables = variables
        texts = [text for term in terms for text in (term if isinstance(term, (list, tuple)) else [term])]
        # These are given here or nowhere.
        form, field, version = [self._option(name) for name in ("form", "field", "version")] if kwargs else ("values", None, None)
        try:
            return self._read(texts, form, field, version)
        except VaultError as error:
            raise AnsibleLookupError(str(error)) from None

    def _read(self, texts, form, field, version):
        references = [parse_reference(text, field, version) for text in texts]
        if not references:
            return [{}] if form == "by_reference" else []
        vault = open_vault(Options(self._option))
        vault.check_name([reference.vault for reference in references])
        answers = vault.values([reference.request() for reference in references])
        failed = [answer for answer in answers if isinstance(answer, VaultError)]
        if failed:
            if len(failed) == 1:
                raise failed[0]
            raise VaultError(failed[0].code, "%s (and %d more of %d can't be read)" % (failed[0].problem, len(failed) - 1, len(answers)), failed[0].hint)
        for answer in answers:
            if answer.get("type") == "totp":
                raise VaultError("NOT_SUPPORTED", ONE_TIME, "It is good for half a minute: coffre read prints the one of the moment.")
            if answer["status"] in WARNED:
                Display().warning("%s %s." % ("/".join(answer["path"]), WARNED[answer["status"]]))
        if form == "by_reference":
            return [dict((text, answer["value"]) for text, answer in zip(texts, answers))]
        return [entry_of(answer) for answer in answers] if form == "entries" else [answer["value"] for answer in answers]

    def _option(self, name):
        return self.get_option(name, self._variables)


class Options:
    """The plugin's options, each looked up when it is asked for: most never are, and a play may ask thousands of times."""

    def __init__(self, get):
        self.get = get


def entry_of(answer):
    names = ("value", "username", "version", "status", "field", "id", "path")
    return dict((name, answer.get(name)) for name in names)
