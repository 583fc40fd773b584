#!/bin/sh
# bad_input.sh CALX SOURCE CASE - what a hostile or clumsy user types: each case states the exit code and what the
# message must say. Prints what differs; 0 when nothing does.
. "$2/test/cli/common.sh"
# refused CODE PHRASE COMMAND...: the exit code, a phrase of what it says, and nothing of a sanitizer
refused() {
  expected=$1; phrase=$2; shift 2
  "$@" >out 2>err
  got=$?
  if [ $got != "$expected" ] || grep -q -e 'ERROR: [A-Za-z]*Sanitizer' -e 'runtime error' err; then fail "$*: exit code $got, expected $expected
$(head -c 2000 out; head -c 4000 err)"; fi
  [ -z "$phrase" ] || grep -q -e "$phrase" out err || fail "$*: no \"$phrase\" in
$(head -c 2000 out; head -c 4000 err)"
  [ "$(wc -c <err)" -le 20000 ] || fail "$*: $(wc -c <err) bytes of message"
}
# the same with --json: one object with the error, which says the phrase
refused_json() {
  refused "$@" --json
  grep -q '"error": {' out || fail "$*: no error object in $(head -c 2000 out)"
  grep -q -e "$phrase" out || fail "$*: the object does not say \"$phrase\": $(head -c 2000 out)"
  if command -v python3 >/dev/null 2>&1; then python3 -m json.tool out >/dev/null || fail "no JSON: $(head -c 2000 out)"; fi
}
program() { printf '%s\n' "$@" >p.calx; }
line() { # a linear model of two columns
  program 'data x[n], y[n]' 'param a, b' 'minimize sum(i: (y[i] - a * x[i] - b)^2)' 'fit by lbfgs' 'print a, b, n'
}
repeat() { awk -v s="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", s }'; }
limited() { # LIMIT VALUE COMMAND...: run with ulimit; a sanitizer needs its address space
  limit=$1; value=$2; shift 2
  (ulimit "$limit" "$value" && "$@")
}
sanitized() { grep -q -a -e __asan_init "$calx"; }

case $case in
text)
  : >empty.calx; refused 0 '' $calx run empty.calx
  refused 0 '' $calx run - </dev/null
  printf '\000\001\002\377\376junk' >junk.calx; refused 3 'error' $calx run junk.calx
  head -c 100000 /dev/urandom >junk.calx; refused 3 'error' $calx run junk.calx
  $calx repl <junk.calx >out 2>err; [ $? -le 6 ] || fail "repl on junk: exit code $?"
  { printf 'x = '; repeat '1+' 5000000; echo 1; } >long.calx; refused 3 'nested deeper than 1000 levels' $calx run long.calx
  { printf 'print '; repeat a 10000000; echo; } >long.calx; refused 3 'nothing defines' $calx run long.calx
  { printf '#'; repeat 'comment ' 1250000; printf '\nprint 1 + 1\n'; } >long.calx; refused 0 '1 + 1 = 2' $calx run long.calx
  { printf 'print "'; repeat b 10000000; echo; } >long.calx; refused 3 'error' $calx run long.calx
  rm long.calx
  for pair in '( )' '[ ]' '-( )' 'f( )' 'if{ }'; do
    { printf 'x = '; repeat "${pair% *}" 10000; printf 1; repeat "${pair#* }" 10000; echo; } >deep.calx
    refused 3 'error' $calx run deep.calx
  done
  { printf 'x = '; repeat '(' 10000; printf 1; repeat ')' 10000; echo; } >deep.calx
  refused 3 'nested deeper than 1000 levels' $calx run deep.calx
  { printf 'x = '; repeat '-' 100000; echo 1; } >deep.calx; refused 3 'nested deeper' $calx run deep.calx
  { printf 'x = 2'; repeat '^2' 100000; echo; } >deep.calx; refused 3 'nested deeper' $calx run deep.calx
  printf 'import "q.calx"\nprint 7\n' >q.calx; refused 0 '7 = 7' $calx run q.calx # each file is read once
  printf 'import "nowhere.calx"\n' >q.calx; refused 3 'nowhere.calx' $calx run q.calx
  printf '\357\273\277print 2 + 2\r\n' >bom.calx; refused 0 '2 + 2 = 4' $calx run bom.calx
  ;;
texts)
  : >none.txt; refused 4 'none.txt: the file is empty' $calx run - t=none.txt <<'END'
data t : text
print characters(t)
END
  printf '\n  \n' >blank.txt
  program 'data t[n] : text' 'print words(t)'; refused 4 'have no words: there is nothing to count' $calx run p.calx t=blank.txt
  program 'data t : text' 'c = characters(t, length = 9)' 'print c'
  printf 'abc\n' >short.txt; refused 4 'has 3 characters, less than the length 9' $calx run p.calx t=short.txt
  printf 'good\nb\377d line\n' >latin.txt; refused 4 'latin.txt:2: t: its byte 7 is no UTF-8' $calx run p.calx t=latin.txt
  grep -q 'iconv' err || fail "no remedy for what is no UTF-8: $(cat err)"
  mkdir -p folder; printf 'guten Tag\n' >folder/de.txt; printf 'na\357ve d\351j\340\n' >folder/fr.txt
  program 'data t[n] : text = "folder", y[n] : category = "folder"' 'print characters(t), y'
  refused 4 'folder/fr.txt:1: ' $calx run p.calx
  rm folder/*; : >folder/de.txt; refused 4 'its files hold no text' $calx run p.calx
  program 'data t : text' 'c = characters(t)' 'print classes(c)'
  printf 'aaaa' >one.txt; refused 0 'all that occurs in `t` is "a"' $calx run p.calx t=one.txt
  program 'data t : text' 'c = tokens(t, 5000)' 'print classes(c)'
  printf 'ab ab ab' >pairs.txt; refused 0 '`t` gives 258 tokens only, not 5000' $calx run p.calx t=pairs.txt
  refused 4 'the program has no data called u' $calx run p.calx 'u="ab"'
  refused 4 'there is no such file' $calx run p.calx t='"ab'
  # a model meets what it has not seen
  program 'data t[n] : text = "train.txt"' 'c = characters(t, length = 4)' 'param W[3]' \
    'minimize mean(i, j: (W[c[i, j]] - c[i, j])^2)' 'fit by lbfgs' 'write model to "m.safetensors"'
  printf 'abab\nbaba\n' >train.txt; refused 0 '' $calx run p.calx
  refused 0 'of the 4 characters of `t` the vocabulary lacks 2, "z" first' $calx predict m.safetensors 't="azyb"' 'W[c]'
  refused 0 '^  \[1.* 2.* 0' $calx predict m.safetensors 't="ab"' 'W[c]'
  refused 4 'is no UTF-8' $calx predict m.safetensors "$(printf 't="a\377"')" 'W[c]'
  refused 4 'nothing to read' $calx predict m.safetensors 't=""' 'sum(characters(t))'
  ;;
circles)
  refused 3 '`x` is defined by itself' $calx eval 'x = x + 1; x'
  refused 3 'used before its definition' $calx eval 'x = y + 1; y = x; x'
  refused 3 'calls itself without end' $calx eval 'f(x) = f(x - 1); f(3)'
  refused 3 'error' $calx eval 'f(x) = g(x); g(x) = f(x); f(3)'
  refused 3 'range of `t` cannot be inferred' $calx eval 'h[t] = h[t] + 1; h[3]'
  refused 3 'defined by itself' $calx eval 'h[t in 0..5] = h[t] + 1; h[3]'
  refused 3 '`h` reads its own element 6 here, outside 0..5' $calx eval 'h[t in 0..5] = h[t + 1] + 1; h[3]'
  refused 3 '`h` reads its own element -1 here' $calx eval 'h[t in 0..5] = h[t - 1] + 1; h[3]'
  refused 3 '`h` reads its own element -1 here' $calx eval 'h[0] = 1; h[t in 1..5] = h[t - 2] + 1; h[3]'
  refused 0 '^8$' $calx eval 'h[0] = 1; h[t in 0..5] = 2 * h[t - 1]; h[3]'
  refused 0 '^\[7, 8, 9\]$' $calx eval 'h[t in 0..2] = if t > 0 then h[t - 1] + 1 else 7; h'
  refused 0 '^\[3, 2, 1\]$' $calx eval 'h[2] = 1; h[t in 0..1] = h[t + 1] + 1; h'
  refused_json 3 'defined by itself' $calx eval 'x = x + 1; x'
  ;;
ranges)
  refused 3 'goes up to 5, outside 0..2 of `a`' $calx eval 'a = [1, 2, 3]; a[5]'
  refused 3 'goes down to -1' $calx eval 'a = [1, 2, 3]; a[-1]'
  refused 3 'goes up to 4' $calx eval 'a = [1, 2, 3]; sum(i in 0..4: a[i])'
  refused 3 'shapes in `+` do not fit' $calx eval 'a = [1, 2, 3]; b = [1, 2]; a + b'
  refused 3 'leave it no value' $calx eval 'a = [1, 2, 3]; b = [1, 2]; sum(i: a[i - 5] * b[i])'
  refused 3 'a subscript must be an integer' $calx eval 'a = [1, 2, 3]; a[1.5]'
  refused 3 'a subscript must be an integer' $calx eval 'a = [1, 2, 3]; i = 0 / 0; a[i]'
  refused 3 'outside 0..2' $calx eval 'a = [1, 2, 3]; a[99999999999999999999]'
  refused 3 'too large for the end of an index range' $calx eval 'sum(i in 0..9223372036854775807: 1)'
  refused 3 'too large for the end of an index range' $calx eval 'sum(i in 0..1e20: 1)'
  refused_json 3 'outside 0..2' $calx eval 'a = [1, 2, 3]; a[5]'
  printf 'n,m\n1,2\n' >t.csv
  program 'data x[n], y[m]' 'print sum(i: x[i] * y[i])' 'print x + y'
  printf '1\n2\n' >x.csv; printf '1\n2\n3\n' >y.csv
  refused 3 'shapes in `+` do not fit' $calx run p.calx x=x.csv y=y.csv
  program 'data x[n], y[n]' 'print x + y'
  refused 4 'n is 2 from x (x.csv) but 3 from y (y.csv)' $calx run p.calx x=x.csv y=y.csv
  ;;
sizes)
  for e in 'zeros(0)' '[1, 2][5..4]'; do $calx eval "$e" >out 2>err; [ $? -le 3 ] || fail "$e: $(cat err)"; done
  refused 0 '^0$' $calx eval 'sum(zeros(0))'
  refused 0 '^1$' $calx eval 'prod(zeros(0))'
  refused 0 '^nan$' $calx eval 'mean(zeros(0))'
  refused 3 'empty' $calx eval 'max(zeros(0))'
  refused 3 'empty' $calx eval 'argmax(zeros(0))'
  refused 3 'at least one element' $calx eval '[]'
  refused 0 '^7$' $calx eval 'max(i in 0..0: 7 + i)'
  refused 0 '^\[7\]$' $calx eval 'a = [7]; a'
  refused 3 'cannot be negative' $calx eval 'zeros(-1)'
  refused 3 'whole number, but it is 1.5' $calx eval 'zeros(1.5)'
  refused 3 'too large for an index or a size' $calx eval 'zeros(1e300)'
  refused 1 'out of memory: an array \[1000000000000\] needs 8e+03 GB' $calx eval 'zeros(1e12)'
  refused_json 1 'out of memory' $calx eval 'zeros(1e12)'
  refused 3 'would have 9e+18 elements' $calx eval 'zeros(3000000000, 3000000000)'
  program 'n = 100000' 'param w[n, n]' 'minimize sum(w^2)' 'fit by adam'
  sanitized || refused 1 'the largest array is `w.n = 100000, n = 100000.`: 1e+10 elements, 80 GB' limited -v 8000000 $calx run p.calx
  program 'param w[3000000]' 'minimize sum(w^2)' 'fit by lbfgs(memory = 1000)'
  sanitized || refused 1 'lbfgs keeps 2005 arrays' limited -v 8000000 $calx run p.calx
  program 'param w[3000000000, 3000000000]' 'minimize sum(w)' 'fit by lbfgs'
  refused 3 'would have 9e+18 elements' $calx run p.calx
  program 'param w[0]' 'minimize sum(w^2)' 'fit by lbfgs' 'print w'
  refused 0 'w = \[\]' $calx run p.calx
  program 'param w[1]' 'minimize sum((w - 1)^2)' 'fit by lbfgs' 'print w' 'plot w' 'write w to "w.csv"' 'write w to "w.npy"'
  refused 0 'w = \[1\]' $calx run p.calx
  program 'write zeros(0) to "z.csv"' 'write zeros(0) to "z.npy"' 'write 5 to "s.csv"' 'write 5 to "s.npy"' 'plot zeros(0)' 'print zeros(0)'
  refused 0 'wrote s.npy' $calx run p.calx
  program 'write zeros(0, 0) to "z.png"'; refused 1 '0 × 0 pixels' $calx run p.calx
  program 'data X[n, d], y[n]' 'param w[d]' 'minimize mean(i: (y[i] - sum(j: X[i, j] * w[j]))^2)' 'fit by adam(batch = 64, epochs = 2)' 'print n'
  printf 'a,b,y\n1,2,3\n' >one.csv; refused 0 'n = 1' $calx run p.calx one.csv
  printf 'a,b,y\n1,2,3\n2,3,4\n3,5,6\n' >three.csv; refused 0 'n = 3' $calx run p.calx three.csv
  sed 's/epochs = 2/epochs = 2, validation = 0.2/' p.calx >v.calx
  refused 3 'leaves no row to validate' $calx run v.calx one.csv
  refused 0 'n = 3' sh -c "sed 's/validation = 0.2/validation = 0.4/' v.calx >w.calx; $calx run w.calx three.csv"
  refused 3 "'batch' must be" sh -c "sed 's/batch = 64/batch = 0/' p.calx >w.calx; $calx run w.calx three.csv"
  ;;
memory) # two to the power of 31 elements where so much memory is not to be had
  if sanitized; then
    ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=500
    export ASAN_OPTIONS
    little() { "$@"; }
  else
    little() { limited -v 600000 "$@"; }
  fi
  refused 1 'out of memory: 17.2 GB more were needed' little $calx eval 'a = zeros(2147483648); a'
  grep -q 'the largest array is `a.2147483648.`: 2.15e+09 elements, 17.2 GB' err || fail "what needed it is not said: $(cat err)"
  refused_json 1 'out of memory' little $calx eval 'a = zeros(2147483648); a'
  refused 0 '^5$' little $calx eval 'a[i in 0..2147483647] = i; a[5]'
  program 'param w[100000, 100000]' 'minimize sum(w^2)' 'fit by lbfgs'
  refused 1 'out of memory' little $calx run p.calx
  refused 1 'out of memory' little $calx eval 'x[i in 0..9999, j in 0..9999] = i + j; x @ x'
  if sanitized; then exit $failed; fi # its limit is that of one array
  # a fit by batches is refused before its first step
  awk 'BEGIN { print "a,b,c,d"; for (i = 0; i < 4000; i++) print i % 3 "," i % 5 "," i % 7 "," i % 2 }' >t.csv
  program 'data x[n, 4]' 'z = maxpool(relu(conv(relu(conv(reshape(x, n, 2, 2), 256, 3, padding = 8)), 256, 3)), 2)' 'minimize mean(z)' \
    'fit by adam(batch = 3000, steps = 1)'
  refused 1 'that is for [0-9]* rows of a batch at once, before the first step' little $calx run p.calx t.csv
  grep -q 'the largest array is .*, m = 256' err && grep -q 'make `batch` smaller' err || fail "what needed it is not said: $(cat err)"
  # and before all of its steps where the report at its end has no room
  sed 's/batch = 3000/batch = 5, tolerance = 1e-9/' p.calx >q.calx
  refused 1 'that is for 4000 rows of the report at the end at once, before the first step' little $calx run q.calx t.csv
  # what lies between the layers of a network is never there of all rows, 1 GB of these
  program 'precision single; data x[n, 4]' 'a = relu(conv(reshape(x, n, 2, 2), 16, 3, padding = 18))' \
    'z = conv(relu(conv(a, 16, 3, padding = 1)), 1, 3, padding = 1)' 'minimize mean(z)' 'fit by adam(batch = 5, steps = 1)'
  head -n 2501 t.csv >s.csv; refused 0 'finished' limited -v 450000 $calx run p.calx s.csv
  ;;
ieee)
  refused 0 '^inf$' $calx eval '1 / 0'
  refused 0 '^-inf$' $calx eval '-1 / 0'
  refused 0 '^nan$' $calx eval '0 / 0'
  refused 0 '^nan$' $calx eval 'log(-1)'
  refused 0 '^-inf$' $calx eval 'log(0)'
  refused 0 '^nan$' $calx eval 'sqrt(-1)'
  refused 3 'too large for a double' $calx eval '1e400'
  refused 0 '^inf$' $calx eval '2^1024'
  program 'param x = 0' 'y = x - 1' 'z = log(y)' 'minimize z^2'
  refused 6 'p.calx:3:' $calx check p.calx
  grep -q 'nan' out err || fail "check does not say nan: $(cat out err)"
  program 'param x = 1' 'z = x / (1 - 1)' 'minimize z^2'
  refused 6 'p.calx:2:' $calx check p.calx
  ;;
data)
  line
  printf '\357\273\277x,y\r\n1,2\r\n2,3\r\n3,4\r\n' >t.csv; refused 0 'n = 3' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2\n3,5\n' >t.csv; refused 4 't.csv:3: this row has 1 field, but the header has 2' $calx run p.calx t.csv
  refused_json 4 't.csv:3' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2,3,4\n' >t.csv; refused 4 't.csv:3: this row has 3 fields' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2,nan\n' >t.csv; refused 4 't.csv:3: column y: the value is missing' $calx run p.calx t.csv
  refused_json 4 't.csv:3: column y' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2,\n' >t.csv; refused 4 't.csv:3: column y: the value is missing' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2,two\n' >t.csv; refused 4 't.csv:3.*"two" is no number' $calx run p.calx t.csv
  printf 'x,y\n1,2\n2,inf\n' >t.csv; refused 5 'objective is inf at the start' $calx run p.calx t.csv
  printf 'x,z\n1,2\n2,3\n' >t.csv; refused 4 't.csv has the columns x, z' $calx run p.calx t.csv
  refused 4 'has no column q' $calx run p.calx x=t.csv:x y=t.csv:q
  printf 'x,x\n1,2\n3,4\n' >t.csv; refused 4 't.csv has two columns called x' $calx run p.calx t.csv
  program 'data x[n] = "t.csv", y[n]' 'fit by adma'; refused 3 'there is no method' $calx run p.calx # the first error's code
  line
  printf 'x,y\n' >t.csv; refused 4 't.csv: it has a header but no rows' $calx run p.calx t.csv
  printf 'u,v\n' >t.csv; refused 4 't.csv: it has a header but no rows' $calx run p.calx t.csv
  refused 4 't.csv: it has a header but no rows' $calx run p.calx x=t.csv
  : >t.csv; refused 4 't.csv: the file is empty' $calx run p.calx t.csv
  refused 4 'the file is empty' $calx run p.calx /dev/null
  printf 'x,y\n1,"2\n3,4\n' >t.csv; refused 4 't.csv:2: a quote is opened here' $calx run p.calx t.csv
  head -c 4000 /dev/urandom >t.csv; refused 4 't.csv' $calx run p.calx t.csv
  head -c 100000 /dev/zero >t.csv; refused 4 'zero bytes' $calx run p.calx t.csv
  refused 4 'there is no such file' $calx run p.calx missing.csv
  refused_json 4 'there is no such file' $calx run p.calx missing.csv
  refused 4 'nothing is bound to x\[n\]' $calx run p.calx
  refused 4 'the program has no data called q' $calx run p.calx q=3
  mkdir folder; refused 4 'folder' $calx run p.calx folder
  if command -v gzip >/dev/null 2>&1 && $calx version | grep -qw zlib; then
    awk 'BEGIN { print "x,y"; for (i = 0; i < 20000; i++) print i % 97 "," 2 * i % 89 }' | gzip >whole.csv.gz
    head -c 20000 whole.csv.gz >t.csv.gz; refused 4 't.csv.gz: the gzip data end too early' $calx run p.calx t.csv.gz
    refused 0 'n = 20000' $calx run p.calx whole.csv.gz
    { head -c 9000 whole.csv.gz; head -c 500 /dev/zero; tail -c +9501 whole.csv.gz; } >t.csv.gz
    refused 4 't.csv.gz' $calx run p.calx t.csv.gz
  fi
  program 'data x[n] : int(0..9), y[n] : category' 'print sum(x), classes(y)'
  printf 'x,y\n1,a\n2,b\n12,c\n' >t.csv; refused 4 't.csv:4: column x: 12 is outside int(0..9)' $calx run p.calx t.csv
  refused_json 4 't.csv:4: column x' $calx run p.calx t.csv
  printf 'x,y\n1,a\n2.5,b\n' >t.csv; refused 4 't.csv:3: column x: 2.5 is no integer' $calx run p.calx t.csv
  printf 'x,y\n-1,a\n' >t.csv; refused 4 'column x: -1 is outside' $calx run p.calx t.csv
  program 'data s[n]' 'param m = 0' 's[i] ~ normal(m, s[i])' 'fit by lbfgs'
  printf 's\n1\n-3\n' >t.csv; refused 3 'needs sigma > 0, but `sigma` is -3 at element \[1\]' $calx run p.calx t.csv
  program 'param w[2] = [1.5, 0.5]' 'print expect(x ~ mixture(k: w[k], normal(0, 1)): x^2)'
  refused 1 'needs sum(k: w\[k\]) to be 1, but `sum(k: w\[k\])` is 2' $calx run p.calx
  program 't = [-1, 2]' 'f[i] = expect(x ~ exponential(1): x given x < t[i])' 'print f'
  refused 1 'behind `given` has probability 0 at element \[0\]' $calx run p.calx
  program 'param s = -2' '1 ~ normal(0, s)' 'fit by lbfgs'
  refused 5 '---- *`normal` needs sigma > 0, but `sigma` is -2\|- `normal` needs sigma > 0, but `sigma` is -2' $calx run p.calx
  ;;
arguments)
  refused 2 'nothing to do' $calx
  refused 2 'did you mean `run`' $calx runn p.calx
  refused 2 'did you mean `--seed`' $calx run p.calx --sed 3
  refused 2 'takes a whole number' $calx run p.calx --seed abc
  refused 2 'takes a whole number' $calx run p.calx --threads=-1
  refused 2 'takes a whole number' $calx run p.calx --threads=99999999999999999999
  refused 2 'needs its' $calx run p.calx --seed
  refused 2 'cannot be read' $calx run missing.calx
  refused 2 'is a folder' $calx run "$work/."
  refused_json 2 'there is no command `runn`' $calx runn
  refused_json 2 'there is no option' $calx run --sed
  refused_json 2 'cannot be read' $calx run missing.calx
  refused_json 2 'is a folder' $calx run "$work/."
  refused_json 2 'run what' $calx run
  refused_json 2 'calculated' $calx eval
  refused_json 2 'cannot be read' $calx check missing.calx
  refused_json 3 'expected an expression' $calx eval '1 +'
  refused 0 '' $calx eval ''
  refused 0 '' $calx eval ';;;'
  echo 'print 1 +' >p.calx; refused 3 'stdin:1' sh -c "$calx run - <p.calx"
  if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null 2>&1; then
    chmod 755 .; echo 'print 1' >secret.calx; chmod 600 secret.calx
    refused 2 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups $calx run secret.calx
  elif [ "$(id -u)" != 0 ]; then
    echo 'print 1' >secret.calx; chmod 000 secret.calx; refused 2 'Permission denied' $calx run secret.calx
  fi
  ;;
writing)
  program 'write zeros(1000, 1000) to "o.csv"' 'print "on"'
  refused 1 'o.csv: it is larger than the limit' limited -f 64 $calx run p.calx
  [ -z "$(ls | grep '^o.csv')" ] || fail "left behind: $(ls)"
  refused_json 1 'o.csv' limited -f 64 $calx run p.calx
  program 'write [1, 2] to "new/at/all/o.csv"' 'plot x for x in 0..1 to "new/too/o.svg"'
  refused 0 '' $calx run p.calx; [ -s new/at/all/o.csv ] && [ -s new/too/o.svg ] || fail 'folders of written files'
  refused 0 '' $calx run p.calx --out other; [ -s other/new/at/all/o.csv ] && [ -s other/new/too/o.svg ] || fail 'the same below --out'
  program 'write 1 to "p.calx/o.csv"'; refused 1 '`p.calx` is no folder' $calx run p.calx
  program 'write 1 to "o.xyz"'; refused 1 'ending' $calx run p.calx
  program 'write 1 to ""'; refused 1 'ending' $calx run p.calx
  mkdir o.csv; program 'write [1, 2] to "o.csv"'; refused 1 'o.csv' $calx run p.calx; rmdir o.csv
  program 'plot x for x in 0..1 to "p.calx/o.svg"'; refused 1 'p.calx/o.svg' $calx run p.calx
  if [ -c /dev/full ]; then
    program 'write zeros(300, 300) to "full.csv"'; ln -s /dev/full full.csv
    refused 1 'no space left' $calx run p.calx; rm full.csv
    program 'x[i, j] = i + j + zeros(300, 300)[i, j]' 'print x' 'print x'
    $calx run p.calx >/dev/full 2>err; [ $? = 1 ] || fail "full disk: exit code"
    grep -q 'could not be written' err || fail "full disk: $(cat err)"
    $calx run p.calx --json >/dev/full 2>err; [ $? = 1 ] || fail "full disk, JSON: exit code"
  fi
  # a whole disk, where this user may make one
  mkdir small
  if mount -t tmpfs -o size=256k none small 2>/dev/null; then
    program 'write ones(1000, 1000) to "small/o.csv"'
    echo old >small/o.csv
    refused 1 'small/o.csv: no space left' $calx run p.calx
    [ "$(cat small/o.csv)" = old ] || fail "the old file is lost"
    program 'param x = 0' 'minimize (x - 1)^2' 'fit by adam(steps = 100000)' 'plot trace' 'print 1'
    head -c 300000 /dev/zero >small/fill 2>/dev/null
    $calx run p.calx --out small >out 2>err; [ $? = 1 ] || fail "full disk, plot: exit code $?, $(cat err)"
    umount small
  fi
  ;;
interrupted)
  program 'param x = -1.2, y = 1' 'minimize (1 - x)^2 + 100 * (y - x^2)^2' 'fit by adam(rate = 1e-6, steps = 2000000000)'
  set -m 2>/dev/null
  $calx run p.calx >out 2>err & pid=$!
  sleep 1; kill -INT $pid; wait $pid; got=$?
  [ $got = 130 ] || fail "Ctrl-C: exit code $got, $(cat err)"
  resume=$(sed -n 's/^to go on: calx //p;s/^to go on: [^ ]*calx //p' err | head -n 1)
  [ -n "$resume" ] || fail "no command to go on: $(cat err)"
  $calx $resume >out 2>err & pid=$!
  sleep 1; kill -INT $pid; wait $pid; got=$?
  [ $got = 130 ] || fail "$resume: exit code $got, $(cat err)"
  # killed at any moment: the checkpoint is whole, so that the run goes on from it
  for pause in 0.3 0.5 0.7 0.9 1.1; do
    $calx run p.calx --resume p.ckpt >out 2>err & pid=$!
    sleep $pause; kill -KILL $pid; wait $pid 2>/dev/null
    program 'param x = -1.2, y = 1' 'minimize (1 - x)^2 + 100 * (y - x^2)^2' 'fit by adam(rate = 1e-6, steps = 2000000000)'
    $calx run p.calx --resume p.ckpt >out 2>err & pid=$!
    sleep 0.6; kill -INT $pid; wait $pid; got=$?
    [ $got = 130 ] || fail "after kill -9: exit code $got, $(cat err)"
  done
  # while data are waited for: at once
  mkfifo tap; program 'data x[n]' 'print sum(x)'
  $calx run p.calx x=tap >out 2>err & pid=$!
  sleep 0.5; kill -INT $pid; wait $pid; got=$?
  [ $got = 130 ] || fail "Ctrl-C at a pipe nobody writes to: exit code $got, $(cat err)"
  $calx run p.calx x=tap >out 2>err & pid=$!
  { echo 1; sleep 3; } >tap & tap=$!
  sleep 0.5; kill -INT $pid; wait $pid; got=$?; kill $tap
  [ $got = 130 ] || fail "Ctrl-C at a pipe: exit code $got, $(cat err)"
  $calx run p.calx x=tap >out 2>err & pid=$!
  { sleep 0.2; echo 1; sleep 0.2; echo 2; } >tap; wait $pid
  [ "$(cat out)" = 'sum(x) = 3' ] || fail "a slow pipe: $(cat out err)"
  program 'param x = -1.2, y = 1' 'minimize (1 - x)^2 + 100 * (y - x^2)^2' 'fit by adam(rate = 1e-6, steps = 2000000000)'
  head -c 50 p.ckpt >t.ckpt; refused 4 'cut short' $calx run p.calx --resume t.ckpt
  refused 4 'no checkpoint' $calx run p.calx --resume /dev/null
  refused 4 'no checkpoint' $calx run p.calx --resume p.calx
  refused 4 'missing.ckpt' $calx run p.calx --resume missing.ckpt
  for byte in 9 40 100; do
    cp p.ckpt t.ckpt; printf '\125\252' | dd of=t.ckpt bs=1 seek=$byte conv=notrunc 2>/dev/null
    $calx run p.calx --resume t.ckpt >out 2>err & pid=$!
    sleep 0.5; kill -INT $pid 2>/dev/null; wait $pid; got=$?
    [ $got = 4 ] || fail "byte $byte of the checkpoint changed: exit code $got, $(cat out err)"
  done
  ;;
together) # two processes that write the same files
  program 'write zeros(400, 400) + 1 to "o.csv"' 'write zeros(400, 400) to "o.npy"' 'plot x for x in 0..1 to "o.svg"'
  for k in 1 2 3 4 5 6; do $calx run p.calx >out.$k 2>err.$k & done
  wait
  for k in 1 2 3 4 5 6; do [ ! -s err.$k ] || fail "beside others: $(cat err.$k)"; done
  [ "$(sort -u o.csv | wc -l)" = 1 ] && [ "$(wc -l <o.csv)" = 400 ] || fail "o.csv is mixed"
  [ -z "$(ls | grep tmp)" ] || fail "left behind: $(ls)"
  ;;
surroundings)
  echo 'print 1/2, [0.5, 1.5]' >p.calx
  for setting in HOME= XDG_STATE_HOME=/nowhere TERM=dumb TERM= NO_COLOR=1 LC_ALL=C LC_ALL=de_DE.UTF-8 LC_ALL=nonsense LANG=tr_TR.UTF-8; do
    refused 0 '1 / 2 = 0.5, \[0.5, 1.5\] = \[0.5, 1.5\]' /usr/bin/env "$setting" $calx run p.calx
    refused 0 '^2$' /usr/bin/env "$setting" sh -c "printf '1 + 1\n' | $calx repl"
  done
  refused 0 '^0.5$' /usr/bin/env -i $calx eval 1/2
  mkdir locked; chmod 555 locked
  [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null 2>&1 && as='setpriv --reuid=65534 --regid=65534 --clear-groups' || as=
  chmod 755 .
  if [ -n "$as" ] || [ "$(id -u)" != 0 ]; then
    refused 0 '^2$' sh -c "cd locked && $as $calx eval '1 + 1'"
    echo 'write 1 to "o.csv"' >locked.calx; chmod 644 locked.calx
    refused 1 'no permission' sh -c "cd locked && $as $calx run ../locked.calx"
    refused 1 'no permission\|cannot' sh -c "cd locked && $as $calx eval 'plot x for x in 0..1'"
  fi
  mkdir gone; refused 0 '^2$' sh -c "cd gone && rmdir ../gone && $calx eval '1 + 1'"
  $calx eval '1 + 1' >&- 2>err; [ $? -le 1 ] || fail "no standard output: $(cat err)"
  refused 0 '^2$' sh -c "$calx eval '1 + 1' <&-"
  $calx eval 'nothing' 2>&- >out; [ $? = 3 ] || fail "no standard error"
  refused 0 '…\|\.\.\.' $calx eval 'x[i in 0..999, j in 0..999] = i * j; x'
  [ "$(wc -c <out)" -le 100000 ] || fail "a large array fills the screen: $(wc -c <out) bytes"
  $calx eval 'x[i in 0..999, j in 0..999] = i * j; x' --json | head -c 100 >out; [ -s out ] || fail "no JSON"
  ;;
honest) # a fit that found nothing says so: exit code 5
  rosenbrock='minimize (1 - x)^2 + 100 * (y - x^2)^2'
  program 'param x = -1.2, y = 1' "$rosenbrock" 'fit by gradient_descent(rate = 10, steps = 50)'
  refused 5 'try a smaller rate' $calx run p.calx
  refused_json 5 'diverged' $calx run p.calx
  program 'param x = -1.2, y = 1' "$rosenbrock" 'fit by lbfgs(steps = 3)'
  refused 5 'did not converge.*raise steps' $calx run p.calx
  program 'param x = -1.2, y = 1' "$rosenbrock" 'fit by newton(steps = 2)'
  refused 5 'did not converge' $calx run p.calx
  program 'param a = -1, b' 'l = log(a)' 'm = l * b + a' 'minimize (m - 2)^2' 'fit by lbfgs'
  refused 5 'l is nan, though all it reads is finite' $calx run p.calx
  # a gradient that is none of a finite objective: the parameter, the step, the equation
  program 'data x[n]' 'param b = 1, a = 1' 's[i] = x[i] * a' 'r[i] = sqrt(s[i])' 'minimize mean(r) + (b - 2)^2' 'fit by lbfgs'
  printf 'x\n1\n2\n0\n4\n' >t.csv
  for method in lbfgs newton 'sgd(batch = 2, epochs = 1)' 'adam(batch = 1, epochs = 2)' 'gradient_descent(steps = 3)'; do
    sed "s/lbfgs/$method/" p.calx >q.calx
    refused 5 'the gradient by a is nan at' $calx run q.calx t.csv
    grep -q '4 | r\[i\] = sqrt' err && grep -q 'the derivative of this is [a-z 0-9]*, though its value is finite' err || fail "which equation: $(cat err)"
  done
  grep -q 'sqrt(u + 1e-12)' err || fail "no remedy: $(cat err)"
  # by batches: the step, and the row of the data; the params before it are kept, also as a checkpoint
  awk 'BEGIN { print "x"; for (i = 0; i < 50; i++) print (i == 37 ? 2 : i / 50) }' >t.csv
  program 'data x[n]' 'param a = 0.5' 'l[i] = log(2 - a * x[i])' 'minimize mean(i: (a - 5)^2 + 1e-6 * l[i])' \
    'fit by sgd(rate = 0.01, batch = 5, epochs = 3, checkpoint = "nan.ckpt")' 'print a' 'write model to "nan.safetensors"'
  refused 5 'objective is nan at step [0-9]* (epoch [123])' $calx run p.calx t.csv
  grep -q 'l\[37\] is nan, though all it reads is finite' err || fail "which row: $(cat err)"
  grep -q 'a = [1-4]\.' out || fail "the param is lost: $(cat out)"
  [ -s nan.ckpt ] && [ -s nan.safetensors ] || fail 'what was found is not written'
  refused 5 'l\[37\] is nan' $calx run p.calx t.csv --resume nan.ckpt
  awk 'BEGIN { print "x"; for (i = 0; i < 50; i++) print (i == 7 ? "inf" : i) }' >i.csv
  program 'data x[n]' 'param a = 0.5' 'minimize mean(i: (a - x[i])^2)' 'fit by sgd(batch = 5, epochs = 3)'
  refused 5 'x\[7\] is inf$' $calx run p.calx i.csv
  # a step out of the numbers: the params before it
  program 'precision single' 'data x[n]' 'param a = 1' 'minimize mean(i: a^4 * (1 + x[i]))' 'fit by sgd(rate = 1e9, batch = 5, steps = 50)' 'print a'
  refused 5 'diverged' $calx run p.calx t.csv
  grep -q 'a = -\{0,1\}[0-9]' out || fail "the param is lost: $(cat out)"
  program 'param a, b, c[2]' 'minimize (a - 1)^2' 'fit by lbfgs'
  refused 0 'warning: the objective does not depend on `b`, `c`' $calx run p.calx
  program 'param a' 'minimize (a - 1)^2' 'fit by newton(tolerance = 0)'; refused 0 'a = 1' $calx run p.calx
  for method in lbfgs newton; do
    for e in '-x' '-x^2' '-exp(x)'; do
      program 'param x = 1' "minimize $e" "fit by $method"; refused 5 'no lower bound\|diverged\|not converge' $calx run p.calx
    done
    program 'param x = -1' 'minimize log(x)' "fit by $method"; refused 5 'objective is nan at the start' $calx run p.calx
    grep -q 'calx check' err || fail "no remedy: $(cat err)"
    program 'param x = 0' 'minimize sqrt(x)' "fit by $method"; refused 5 'gradient by x is' $calx run p.calx
    program 'param x = 0' 'minimize 1 / x' "fit by $method"; refused 5 'objective is inf at the start' $calx run p.calx
    program 'param x = 0' 'minimize abs(x)' "fit by $method"; refused 0 'x = 0' $calx run p.calx
    program 'param s > 0' 'minimize (s + 1)^2' "fit by $method" 'print s < 1e-4'; refused 0 '= 1' $calx run p.calx
  done
  program 'param x = 1' 'minimize -x' 'fit by lbfgs'; refused 5 'objective -1$' $calx run p.calx # at the x it prints
  program 'param t in 0..1 = 0' 'minimize (t - 0.5)^2' 'fit by lbfgs'; refused 3 'start of `t` lies on the border of its domain' $calx run p.calx
  program 'param t in 0..1 = 2' 'minimize (t - 0.5)^2' 'fit by lbfgs'; refused 3 'start of t: 2 is outside 0..1' $calx run p.calx
  program 'param x' 'minimize 3' 'fit by lbfgs'; refused 3 'depends on no param' $calx run p.calx
  program 'param x = 1' 'minimize x^2' 'fit by adam(rate = 0)'; refused 3 "'rate' must be above 0" $calx run p.calx
  ;;
learning) # fits of networks and predictions by their files: what does not fit is said, and a good file stays
  awk 'BEGIN { print "a,b,c,y"; for (i = 0; i < 40; i++) print i * 7 % 11 "," i * 3 % 5 ",5," i % 3 }' >t.csv
  net() { # the rest of the program's third line, the batch
    program 'data X[n, 3], y[n] : int(0..2)' 's[j] = sqrt(mean(i: (X[i, j] - mean(k: X[k, j]))^2))' "p = softmax(dense(X $1, 3))" \
      'minimize cross_entropy(p, y)' "fit by adam(rate = 0.05, batch = $2, epochs = 3)" 'print accuracy(p, y)' \
      'write model to "m.safetensors"'
  }
  net '' 16; refused 0 'wrote m.safetensors' $calx run p.calx t.csv; cp m.safetensors good
  net '' 1000; refused 0 'wrote m.safetensors' $calx run p.calx t.csv
  grep -q 'a batch of 1000 rows is larger than the 40' err || fail "no word on a large batch: $(cat err)"
  printf 'a,b,c,y\n1,2,5,0\n' >one.csv; refused 0 'wrote m.safetensors' $calx run p.calx one.csv
  cp good m.safetensors
  sed -i 's/int(0..2)/int/' p.calx; sed 's/2$/7/' t.csv >seven.csv
  refused 3 'seven.csv:[0-9]*: column y is 7' $calx run p.calx seven.csv
  [ "$(grep -c 'error: ' err)" = 1 ] && grep -q '^p.calx:4:10: error: ' err || fail "the place of a library's equation: $(cat err)"
  net '/ s' 16; refused 5 'its element \[[0-9]*, 2\] is \(nan\|inf\|-nan\)' $calx run p.calx t.csv # the third column is constant
  grep -q "m.safetensors is not written" err || fail "no word on the model: $(cat err)"
  cmp -s good m.safetensors || fail 'a fit that found nothing replaced a good model'
  refused_json 5 'diverged\|cannot begin' $calx run p.calx t.csv
  net '' 16
  sed '5s/,[0-9]*$/,7/' t.csv >l.csv
  refused 4 'l.csv:5: column y: 7 is outside int(0..2)' $calx run p.calx l.csv
  sed '5s/,[0-9]*$/,-1/' t.csv >l.csv; refused 4 'l.csv:5: column y: -1 is outside' $calx run p.calx l.csv
  sed '5s/,[0-9]*$/,1.5/' t.csv >l.csv; refused 4 'l.csv:5: column y: 1.5 is no integer' $calx run p.calx l.csv
  sed '5s/^[0-9]*/nan/' t.csv >nan.csv; refused 4 'nan.csv:5: column a: the value is missing' $calx run p.calx nan.csv
  sed '5s/^[0-9]*/inf/' t.csv >inf.csv; refused 5 'not written' $calx run p.calx inf.csv
  sed 's/fit by adam(/fit by adam(validation = 0.5, /' p.calx >v.calx
  refused 3 "'validation' leaves no row" $calx run v.calx one.csv
  cmp -s good m.safetensors || fail 'a good model did not stay'
  # a tolerance, by batches: of all rows
  printf 'x\n2\n2\n2\n2\n' >c.csv
  printf 'data x[n]\nparam a\nminimize mean(i: (x[i] - a)^2)\nfit by sgd(rate = 0.4, batch = 2, epochs = 9, tolerance = 1e-3)\n' >c.calx
  refused 0 'the relative gradient is [0-9]' $calx run c.calx c.csv
  sed 's/0.4/1e-3/' c.calx >d.calx; refused 5 'the relative gradient is still 1.04' $calx run d.calx c.csv
  # predictions
  refused 0 'p =' $calx predict m.safetensors one.csv p
  refused 4 'nan.csv:5: column a: the value is missing' $calx predict m.safetensors nan.csv p
  refused 4 'l.csv:5: column y: 1.5' $calx predict m.safetensors l.csv 'accuracy(p, y)'
  printf 'a,b\n1,2\n' >narrow.csv; refused 4 'shape \[1, 2\], which does not fit X\[n, 3\]' $calx predict m.safetensors narrow.csv p
  printf 'a,b,c,d\n1,2,3,4\n' >wide.csv; refused 4 'shape \[1, 4\], which does not fit X\[n, 3\]' $calx predict m.safetensors wide.csv p
  printf 'a,b,c\n' >none.csv; refused 4 'none.csv' $calx predict m.safetensors none.csv p
  # weights of another shape, and of a name that is not there
  program 'data X[n, 3], y[n] : int(0..2)' 'p = softmax(dense(X, 4))' 'load "m.safetensors"' 'print p'
  refused 3 '`dense.W` has shape \[3, 4\], but "dense.W" of [^ ]*m.safetensors has \[3, 3\]' $calx run p.calx t.csv
  program 'data X[n, 3]' 'param W[3, 3]' 'load W = "fc.weight" from "m.safetensors"' 'print X @ W'
  printf 'a,b,c\n1,2,5\n' >x.csv; refused 4 'has no array "fc.weight"' $calx run p.calx x.csv
  # files that are cut or lie
  for bytes in 0 4 8 100 500; do
    head -c $bytes m.safetensors >cut.safetensors; refused 4 'cut.safetensors' $calx predict cut.safetensors t.csv p
  done
  size=$(wc -c <m.safetensors); head -c $((size - 1)) m.safetensors >cut.safetensors
  refused 4 'cut.safetensors' $calx predict cut.safetensors t.csv p
  { cat m.safetensors; printf x; } >long.safetensors; refused 4 'long.safetensors' $calx predict long.safetensors t.csv p
  { printf '\377\377\377\377\377\377\377\077'; tail -c +9 m.safetensors; } >lie.safetensors
  refused 4 'its header would have 4611686018427387903 bytes' $calx predict lie.safetensors t.csv p
  sed 's/"shape":\( *\)\[3, *3\]/"shape":\1[9,9]/' m.safetensors >lie.safetensors
  refused 4 'lie.safetensors' $calx predict lie.safetensors t.csv p
  ;;
pictures) # folders of images as data
  if $calx version | grep -qw png; then
    program 'a[i in 0..7, j in 0..7] = i / 8' 'write a to "good/a.png"' 'write 1 - a to "good/b.png"' 'write a[0..5] to "sizes/b.png"'
    refused 0 '' $calx run p.calx
    program 'data x[n, h, w] : image' 'print n, mean(x)'
    refused 0 'n = 2' $calx run p.calx x=good
    cp -r good mixed; head -c 60 good/a.png >mixed/c.png; printf 'no image' >mixed/d.jpg; : >mixed/e.png; echo text >mixed/readme.txt
    refused 0 'n = 2' $calx run p.calx x=mixed
    for name in c.png d.jpg e.png; do grep -q "mixed/$name: " err || fail "$name is not named: $(cat err)"; done
    [ "$(grep -c 'it is left out' err)" = 3 ] || fail "not all say that they are left out: $(cat err)"
    refused 6 'n = 2' $calx run p.calx x=mixed --strict
    cp good/a.png sizes; refused 4 'sizes/b.png: it is 6 × 8 in grey, but a.png is 8 × 8 in grey' $calx run p.calx x=sizes
    mkdir empty; refused 4 'empty: there is nothing in this folder' $calx run p.calx x=empty
    mkdir -p hollow/a hollow/b; refused 4 'its files hold no text, and none is an image' $calx run p.calx x=hollow
    # grey and colour together, luminance or colours by the declaration; one picture is a list of one
    program 'a[i in 0..7, j in 0..7, k in 0..2] = if i == 0 and j == 0 then 255 else if k == 0 then 200 else 0' 'write a to "both/c.png"' \
      'write 3 * ones(8, 8) to "both/d.png"'
    refused 0 '' $calx run p.calx; cp good/a.png both
    program 'data x[n, h, w] : image' 'print n, rank(x), x[n - 2, 7, 7]'
    refused 0 'n = 3, rank(x) = 3, x\[n - 2, 7, 7\] = 42.52' $calx run p.calx x=both
    refused 0 'n = 2, rank(x) = 3, x\[n - 2, 7, 7\] = 223' $calx run p.calx x=good
    program 'data x[n, h, w, 3] : image' 'print n, x[n - 1, 7, 6]'
    refused 0 'n = 3, x\[n - 1, 7, 6\] = \[3, 3, 3\]' $calx run p.calx x=both
    refused 0 'n = 1, x\[n - 1, 7, 6\] = \[200, 0, 0\]' $calx run p.calx x=both/c.png
    refused 0 'n = 1, x\[n - 1, 7, 6\] = \[223, 223, 223\]' $calx run p.calx x=good/a.png
    program 'data x[n, h, w] : image' 'print n, h, w, x[0, 7, 6]'
    refused 0 'n = 1, h = 8, w = 8, x\[0, 7, 6\] = 42.52' $calx run p.calx x=both/c.png
    grep -q 'both/c.png is taken as a list of one grey image' err || fail "no word on the colours: $(cat err)"
    program 'data x[n, 64] : image' 'print n, x[0, 62]'; refused 0 'n = 1, x\[0, 62\] = 223' $calx run p.calx x=good/a.png
    mkdir bad; head -c 60 good/a.png >bad/a.png; refused 4 'none of the folder' $calx run p.calx x=bad
    # a folder for each class; what is damaged has no label either
    mkdir -p kinds/cat kinds/dog kinds/none; cp good/a.png kinds/cat/1.png; cp good/b.png kinds/cat/2.png; cp good/b.png kinds/dog/1.png
    head -c 60 good/a.png >kinds/cat/11.png; echo text >kinds/readme.txt
    program 'data x[n, h, w] : image = "kinds", kind[n] : category = "kinds"' 'print n, classes(kind), kind, kind == "dog"' \
      'p = softmax(dense(flatten(x / 255), classes(kind)))' 'minimize cross_entropy(p, kind)' 'fit by adam(rate = 0.1, steps = 50)' \
      'print accuracy(p, kind)' 'write model to "m.safetensors"'
    refused 0 'n = 3, classes(kind) = 2, kind = \[cat, cat, dog\], kind == "dog" = \[0, 0, 1\]' $calx run p.calx
    grep -q 'kinds/cat/11.png: ' err || fail "the damaged one is not named: $(cat err)"
    refused 0 'accuracy(p, kind) = 0.6\|accuracy(p, kind) = 1' $calx run p.calx
    refused 0 'n = 3' $calx run p.calx x=kinds kind=kinds:label
    refused 0 'n = 3' $calx run p.calx kinds
    mkdir eel; cp -r kinds/cat eel; cp -r kinds/dog eel/eel
    refused 4 'eel/eel/1.png:1: column label: "eel" is no category' $calx predict m.safetensors eel 'accuracy(p, kind)'
    cp sizes/b.png kinds/dog/2.png; refused 4 'kinds/dog/2.png: it is 6 × 8 in grey, but cat/1.png is 8 × 8' $calx run p.calx
  else echo 'skipped: built without libpng'; fi
  ;;
killed) # in the middle of an epoch, twice: the weights are those of the fit that was left alone, bit for bit
  cat >net.calx <<'END'
precision single
data x[n, 64], digit[n] : int(0..9)
block(x, m) = maxpool(relu(batch_norm(conv(x, m, 3, padding = 1))), 2)
p = softmax(dense(dropout(flatten(block(block(reshape(x / 16, n, 8, 8), 16), 32)), 0.3), 10))
minimize cross_entropy(p, digit)
fit by adam(rate = 3e-3, batch = 64, epochs = 6, schedule = cosine, validation = 0.2, patience = 2, checkpoint = "net.ckpt", checkpoint_every = 5)
print accuracy(p, digit)
write model to "net.safetensors"
END
  data=$source/examples/digits/train.csv
  refused 0 'wrote net.safetensors' $calx run net.calx $data; mv net.safetensors whole; cp out whole.out; rm -f net.ckpt
  more=
  for time in 1 2; do
    rm -f seen; [ -e net.ckpt ] && cp net.ckpt seen
    $calx run net.calx $data $more >out 2>err & pid=$!
    while kill -0 $pid 2>/dev/null; do
      if [ -e net.ckpt ] && ! cmp -s net.ckpt seen; then break; fi
    done
    kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null; got=$?
    [ $got = 137 ] || fail "it was not killed on its way: exit code $got, $(cat err)"
    more='--resume net.ckpt'
  done
  refused 0 'wrote net.safetensors' $calx run net.calx $data $more
  cmp -s whole net.safetensors || fail 'the weights differ from those of the uninterrupted fit'
  grep accuracy whole.out >a; grep accuracy out | cmp -s - a || fail "$(cat out) is not $(cat whole.out)"
  ;;
*) fail "no such case" ;;
esac
exit $failed
