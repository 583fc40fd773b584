#!/bin/sh
# Puts the Jargon File (Debian's package jargon-text, public domain) beside babble.calx, as a link.
set -eu
cd "$(dirname "$0")"
from=/usr/share/doc/jargon-text/jargon.txt.gz
if [ ! -e $from ]; then
  echo "get-data.sh: installing jargon-text"
  if [ "$(id -u)" = 0 ]; then apt-get install -y jargon-text; else sudo apt-get install -y jargon-text; fi
fi
ln -sf "$from" .
echo "get-data.sh: $(basename "$from")"
