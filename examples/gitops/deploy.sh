#!/bin/sh
# Brings what the main branch declares into being, sees that each reference of the repository leads somewhere now, and says what is
# left for a person to decide.
set -eu
coffre agent -- pulumi up --yes --non-interactive --color never
status=0
coffre scan --only references || status=$?
coffre attention
exit "$status"
