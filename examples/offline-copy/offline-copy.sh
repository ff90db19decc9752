#!/bin/sh
# Drops the branch that one technician needs into a folder, encrypted for that technician alone, and shows what is in it.
#   BRANCH           the category, for example "Ships/Aurora"
#   DROP             the folder, an absolute path: a network drive, or what a laptop fetches from
#   PASSPHRASE_FILE  the KeePass file's passphrase; or
#   RECIPIENTS_FILE  the technician's age recipient, for an age file
set -eu
: "${BRANCH:?Say which category, by BRANCH}" "${DROP:?Say which folder, by DROP}"
name=$(basename "$BRANCH")

if [ -n "${PASSPHRASE_FILE:-}" ]; then
  coffre export --format kdbx --to "$DROP/$name.kdbx" --to-passphrase-file "$PASSPHRASE_FILE" \
    --category "$BRANCH" --current-only
  coffre --vault "kdbx://$DROP/$name.kdbx" --passphrase-file "$PASSPHRASE_FILE" --quiet list
else
  : "${RECIPIENTS_FILE:?Say for whom, by PASSPHRASE_FILE or RECIPIENTS_FILE}"
  coffre export --format lockself-csv --to "$DROP/$name.csv.age" --recipients-file "$RECIPIENTS_FILE" \
    --category "$BRANCH" --current-only
  ls -l "$DROP/$name.csv.age"
fi
