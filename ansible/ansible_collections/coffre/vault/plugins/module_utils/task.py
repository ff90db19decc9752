# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.coffre.vault.plugins.module_utils.connection import open_vault
from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError
from ansible_collections.coffre.vault.plugins.module_utils.reference import parse_path


def run_task(module, work):
    """Does a module's work on the vault that its arguments name, and ends the module: with the result, or with what went wrong."""
    try:
        result = work(module, open_vault(module.params))
    except VaultError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


def needs_full(vault, what):
    """:raises VaultError: NOT_SUPPORTED on LockSelf's routes"""
    if not vault.full:
        raise VaultError("NOT_SUPPORTED", "LockSelf's routes have no %s that this collection could change" % what, "Use coffre serve or an agent for it.")


def category_id(vault, path):
    """The id of a category; the empty path is the root. :raises VaultError: NOT_FOUND"""
    if not path and vault.full:
        return None
    found = vault.find_category(path)
    if found is None:
        raise VaultError("NOT_FOUND", "There is no category %s" % "/".join(path), "Make it with coffre.vault.category, or correct the path.")
    return found["id"]


def place_id(vault, text):
    """The same of a path as a person writes it; an empty text is the root. :raises VaultError: NOT_FOUND, INVALID_INPUT"""
    return category_id(vault, parse_path(text) if text.strip("/") else [])


def differing(before, wanted):
    """Of what is wanted, what isn't so yet. None isn't wanted; an empty text and nothing are the same."""
    return dict((name, value) for name, value in wanted.items() if value is not None and (before.get(name) or "") != (value or ""))


def instant(text, option):
    """A time with its zone as the vault writes it, in UTC. :raises VaultError: INVALID_INPUT"""
    if not text:
        return text
    try:
        read = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise VaultError("INVALID_INPUT", "%s isn't a time with its zone" % option, "Write it as 2026-12-31T18:00:00Z.")
    utc = read.astimezone(timezone.utc)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (utc.microsecond // 1000)
