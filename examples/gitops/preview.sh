#!/bin/sh
# What a merge request would change, as a comment in Markdown: names and versions, no value. Ends as the preview ended.
# Usage: preview.sh <file for the comment>
set -eu
comment=${1:?the file for the comment}
said=$(mktemp)
trap 'rm -f "$said"' EXIT

status=0
coffre agent -- pulumi preview --non-interactive --color never --diff >"$said" 2>&1 || status=$?

# Four backticks: what the engine says may have three.
{
  if [ "$status" -eq 0 ]; then echo "### Preview"; else echo "### The preview failed"; fi
  echo
  echo '````text'
  # A comment takes 65,536 characters.
  head -c 60000 "$said"
  echo
  echo '````'
} >"$comment"
exit "$status"
