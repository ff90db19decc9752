#!/bin/sh
# Brings what the main branch declares into being, and says what is left for a person to decide.
set -eu
coffre agent -- pulumi up --yes --non-interactive --color never
coffre attention
