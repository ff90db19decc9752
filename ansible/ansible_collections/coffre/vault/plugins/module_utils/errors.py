# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations


class VaultError(Exception):
    """A failure of the vault, or of the way to it. Its text names entries and settings, never a value.

    ``code`` is one of Coffre's own, such as NOT_FOUND, FORBIDDEN, CONFLICT or UNREACHABLE.
    """

    def __init__(self, code, problem, hint=None):
        super().__init__("%s: %s." % (code, problem) if hint is None else "%s: %s. %s" % (code, problem, hint))
        self.code = code
        self.problem = problem
        self.hint = hint


def not_supported(what):
    """For what LockSelf's routes have no place for."""
    return VaultError("NOT_SUPPORTED", "LockSelf's routes have no %s" % what, "Use coffre serve or an agent for it.")


def wrong(problem, hint):
    """For a setting that names no vault, or one that isn't to be trusted."""
    return VaultError("CONFIGURATION", problem, hint)
