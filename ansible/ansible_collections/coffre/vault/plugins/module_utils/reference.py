# Copyright: The Coffre contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from ansible_collections.coffre.vault.plugins.module_utils.errors import VaultError

SCHEME = "coffre://"
CREDENTIAL_ID = re.compile(r"cr_[A-Za-z0-9_-]{22}\Z")
LONGEST = 8192


class Reference:
    """The name of a value. ``vault`` is None for one that was written without, in whichever vault is asked."""

    def __init__(self, vault, path=None, identifier=None, field=None, version=None):
        self.vault = vault
        self.path = path
        self.id = identifier
        self.field = field
        self.version = version

    def request(self):
        """What ``read-many`` asks for."""
        names = {"id": self.id} if self.id is not None else {"path": self.path}
        if self.field is not None:
            names["field"] = self.field
        if self.version is not None:
            names["version"] = self.version
        return names


def parse_reference(text, field=None, version=None):
    """Reads a whole reference, or a path or an id as the command takes them; both may end with ?field= and ?version=.

    :param field: and version, for a reference that names none.
    :raises VaultError: INVALID_INPUT, which doesn't repeat the text: it may be a password given by mistake.
    """
    if not isinstance(text, str) or text == "":
        raise invalid("it is no text")
    if len(text) > LONGEST:
        raise invalid("it has more than %d characters" % LONGEST)
    whole = text.startswith(SCHEME)
    if not whole and "://" in text:
        raise invalid("a reference starts with %s" % SCHEME)
    if "#" in text:
        raise invalid("it has a part after #; a # in a name is written %23")
    address, mark, query = (text[len(SCHEME):] if whole else text).partition("?")
    parts = parse_query(query) if mark else {}
    parts.setdefault("field", field)
    parts.setdefault("version", parse_version(version) if version is not None else None)
    segments = address.split("/") if whole else address.strip("/").split("/")
    vault = decode(segments.pop(0), "the vault's name") if whole else None
    if not segments or segments == [""]:
        raise invalid("it names no credential")
    if whole and segments[0] == "id":
        if len(segments) != 2 or not CREDENTIAL_ID.match(segments[1]):
            raise invalid("after /id/ comes a credential's id (cr_ and 22 characters) and nothing else")
        return Reference(vault, identifier=segments[1], **parts)
    if not whole and len(segments) == 1 and CREDENTIAL_ID.match(segments[0]):
        return Reference(None, identifier=segments[0], **parts)
    path = [decode(segment, "segment %d" % number) for number, segment in enumerate(segments, 1)]
    return Reference(vault, path=path, **parts)


def parse_path(text):
    """The names of a place in the tree, from the root down, percent-encoded where they have special characters."""
    reference = parse_reference(text)
    if reference.path is None or reference.field is not None or reference.version is not None:
        raise invalid("a path is wanted here")
    return reference.path


def format_path(names):
    """The one way back: what :func:`parse_path` reads as these names."""
    return "/".join(quote(name, safe="-_.~") for name in names)


def parse_version(text):
    """``current``, ``previous``, ``pending``, or a number from 1."""
    text = str(text)
    if text in ("current", "previous", "pending"):
        return text
    if not re.match(r"[1-9][0-9]{0,14}\Z", text):
        raise invalid("version is current, previous, pending or a number from 1")
    return int(text)


def parse_query(query):
    found = {}
    for pair in query.split("&"):
        key, mark, value = pair.partition("=")
        if key not in ("field", "version"):
            raise invalid("after ? stand field= and version=")
        if key in found:
            raise invalid("%s is given twice" % key)
        text = decode(value, "the value of %s" % key)
        found[key] = text if key == "field" else parse_version(text)
    return found


def decode(segment, what):
    if segment and segment.isascii() and segment.isprintable() and "%" not in segment:
        return segment
    if re.search(r"%(?![0-9A-Fa-f]{2})", segment):
        raise invalid("%s has a %% that doesn't begin an encoded character" % what)
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("%s isn't UTF-8" % what)
    if text == "" or any(unicodedata.category(character) == "Cc" for character in text):
        raise invalid("%s is empty or has control characters in it" % what)
    return unicodedata.normalize("NFC", text)


def invalid(problem):
    hint = "Its form: coffre://<vault>/<category>/<credential>, coffre://<vault>/id/<id>, or <category>/<credential>."
    return VaultError("INVALID_INPUT", "The reference isn't valid: %s" % problem, hint)
