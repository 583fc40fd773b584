#!/bin/sh
# Gathers sayings in seven languages from Debian's packages fortunes-* (GPL-2+ and public domain, see their
# /usr/share/doc/*/copyright) beside tongues.calx: sayings/cs.txt, de.txt .., divided by lines of a % alone.
set -eu
cd "$(dirname "$0")"
from=/usr/share/games/fortunes
packages="fortunes fortunes-min fortunes-br fortunes-cs fortunes-de fortunes-es fortunes-it fortunes-pl"
for part in brasil cs/citat de/zitate es/vida.fortunes it/italia literature people pl/misc; do
  if [ ! -r $from/$part ]; then
    echo "get-data.sh: installing $packages"
    if [ "$(id -u)" = 0 ]; then apt-get install -y $packages; else sudo apt-get install -y $packages; fi
    break
  fi
done
mkdir -p sayings
# Files of prose: dictionaries, chats and programs quote other languages. Sayings of 60 bytes and more, 2400 at most,
# evenly out of all; the signature below a saying is left out, as are line breaks.
gather() { # gather LANGUAGE FILE..
  to=sayings/$1.txt
  shift
  for file in "$@"; do
    if iconv -f utf-8 -t utf-8 "$from/$file" >/dev/null 2>&1; then cat "$from/$file"; else iconv -f latin1 -t utf-8 "$from/$file"; fi
    echo %
  done | LC_ALL=C awk '
    /^%/ { if (length(text) >= 60) item[n++] = text; text = ""; next }
    /^[ \t]*(--|- |~|\(c\)|\[|\|)/ { next }
    { gsub(/[\t\r\b]/, " "); gsub(/  +/, " "); text = text (text == "" ? "" : " ") $0 }
    END { step = n > 2400 ? n / 2400 : 1; for (k = 0; k < n; k += step) { print item[int(k)]; print "%" } }' >"$to"
  echo "get-data.sh: $to, $(grep -c '^%' "$to") sayings"
}
cd "$from"
czech=$(ls -d cs/* | grep -v -e '\.dat$' -e '\.u8$' -e klasik-sk -e lkml -e market -e pocitace)
cd - >/dev/null
gather cs $czech
gather de de/zitate de/sprueche de/sprichworte de/witze de/letzteworte de/murphy de/regeln de/anekdoten
gather en literature people wisdom politics love law science work men-women food
gather es es/vida.fortunes es/verdad.fortunes es/sabiduria.fortunes es/famosos.fortunes es/filosofia.fortunes \
  es/humanos.fortunes es/libertad.fortunes es/poder.fortunes es/refranes.fortunes es/ciencia.fortunes es/arte.fortunes
gather it it/italia it/leggi it/formiche it/definizioni it/luttazzi it/luke
gather pl pl/sapkowski pl/seneka pl/stachura pl/pratchett pl/misc pl/dowcipy pl/puchatek pl/haiku pl/sport pl/nauka \
  pl/bajki pl/milosc pl/dzieci pl/slogany pl/koscielne pl/rzewski pl/konikbujany pl/znaki_zodiaku
gather pt brasil
