# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  agent:
    description:
      - Path of the socket of a running C(coffre agent), which needs no token. It must belong to the user that runs this, and be open to nobody else.
      - Where it is given, O(url) isn't used. An empty text leaves the agent out.
      - Default is the variable E(COFFRE_AGENT).
    type: str
  url:
    description:
      - V(coffre+https://host:8730) for a C(coffre serve), or V(lockself+https://host/space) for LockSelf's routes. Plain V(coffre+http://) and
        V(lockself+http://) are for this machine only.
      - LockSelf's routes know entries and categories; grants, drop-boxes, versions and ids are for the others.
      - Default is the variable E(COFFRE_URL).
    type: str
  token:
    description:
      - The token for C(coffre serve). O(token_file) is better, since it stands in no task.
      - Default is the variable E(COFFRE_TOKEN).
    type: str
  token_file:
    description:
      - A file with that token. Default is the variable E(COFFRE_TOKEN_FILE).
    type: path
  lockself_auth_token_file:
    description:
      - A file with the auth token of LockSelf's API user. Default is the variable E(COFFRE_LOCKSELF_AUTH_TOKEN_FILE).
    type: path
  lockself_ls_token_file:
    description:
      - A file with the ls token of LockSelf's API user. Default is the variable E(COFFRE_LOCKSELF_LS_TOKEN_FILE).
    type: path
  ca_file:
    description:
      - PEM file of the authority that signed the server's certificate. Default is those that the machine knows.
    type: path
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 60
notes:
  - The connection is made from where this runs. A module is best run on the controller (C(delegate_to=localhost)), so that hosts don't reach the vault.
"""

    # The same options, as plugins on the controller find them.
    PLUGINS = r"""
options:
  agent:
    env:
      - name: COFFRE_AGENT
    vars:
      - name: coffre_agent
  url:
    env:
      - name: COFFRE_URL
    vars:
      - name: coffre_url
  token:
    env:
      - name: COFFRE_TOKEN
  token_file:
    env:
      - name: COFFRE_TOKEN_FILE
    vars:
      - name: coffre_token_file
  lockself_auth_token_file:
    env:
      - name: COFFRE_LOCKSELF_AUTH_TOKEN_FILE
  lockself_ls_token_file:
    env:
      - name: COFFRE_LOCKSELF_LS_TOKEN_FILE
  ca_file:
    vars:
      - name: coffre_ca_file
"""
