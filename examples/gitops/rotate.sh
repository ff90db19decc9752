#!/bin/sh
# Rotates what is due. Whatever an earlier run left behind is finished first. Ends with 6 if a person has to decide.
set -eu
coffre agent -- sh -eu -c 'coffre resume && coffre rotate --due'
