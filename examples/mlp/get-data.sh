#!/bin/sh
# Puts Fashion-MNIST (Debian's package dataset-fashion-mnist) beside mlp.calx, as links.
set -eu
cd "$(dirname "$0")"
from=/usr/share/datasets/fashion-mnist
if [ ! -e $from/train-images-idx3-ubyte.gz ]; then
  echo "get-data.sh: installing dataset-fashion-mnist"
  if [ "$(id -u)" = 0 ]; then apt-get install -y dataset-fashion-mnist; else sudo apt-get install -y dataset-fashion-mnist; fi
fi
for file in $from/*-ubyte.gz; do
  ln -sf "$file" .
  echo "get-data.sh: $(basename "$file")"
done
