#!/bin/sh
# cli.sh CALX SOURCE CASE - one case of the command line's tests, in a new folder. Prints what differs; 0 when nothing does.
. "$2/test/cli/common.sh"
# same WHAT EXPECTED COMMAND...: its standard output
same() {
  what=$1; expected=$2; shift 2
  got=$("$@" 2>stderr)
  [ "$got" = "$expected" ] || fail "$what: got
$got
expected
$expected
$(cat stderr)"
}
# code EXPECTED COMMAND...: its exit code; out, err: what it said
code() {
  expected=$1; shift
  "$@" >out 2>err
  got=$?
  [ $got = "$expected" ] || fail "$*: exit code $got, expected $expected
$(cat out err)"
}
has() { grep -q -e "$2" "$1" || fail "$case: no \"$2\" in $1:
$(cat "$1")"; }
hasnt() { if grep -q -e "$2" "$1"; then fail "$case: \"$2\" in $1:
$(cat "$1")"; fi; }
valid_json() {
  if command -v python3 >/dev/null 2>&1; then python3 -m json.tool "$1" >/dev/null || fail "no JSON: $(cat "$1")"; fi
}
rosenbrock() {
  cat <<'END'
param x = -1.2, y = 1
minimize (1 - x)^2 + 100 * (y - x^2)^2
END
}

case $case in
values)
  same sum 2 $calx eval '1+1'
  same decimals 0.1 $calx eval '0.1'
  same thirds 0.3333333333 $calx eval '1/3'
  same rounding 0.3 $calx eval '0.1 + 0.2'
  same large 1.2676506e30 $calx eval '2^100'
  same whole 123456789012 $calx eval '123456789012'
  same small 1.5e-7 $calx eval '0.00000015'
  same infinite inf $calx eval '1 / 0'
  same minus -3 $calx eval '-3'
  same minus_call 0 $calx eval '-sin(0)'
  same vector '[1, 0.5, 0.3333333]' $calx eval '[1, 1/2, 1/3]'
  same matrix '  [1  2.50]
  [3  0.25]' $calx eval '[[1, 2.5], [3, 0.25]]'
  same rank3 'a[0, :, :] =
  [ 0  100]
  [10  110]
a[1, :, :] =
  [ 1  101]
  [11  111]' $calx eval 'a[i in 0..1, j in 0..1, k in 0..1] = i + 10 * j + 100 * k; a'
  same several '3
9' $calx eval 'x = 3; x; x^2'
  same derivative 12 $calx eval "f(x) = x^3; f'(2)"
  same bindings 7 $calx eval 'data a; a + 4' a=3
  printf 'x = 2\nprint x, x^2\nprint "twice:", 2 * x\nprint "area", x * x\nprint "done"\n' >p.calx
  same labels 'x = 2, x^2 = 4
twice: 4
area = 4
done' $calx p.calx
  same run 'x = 2, x^2 = 4' sh -c "$calx run p.calx | head -n 1"
  same long '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, …, 999] (1000 values)' \
    $calx eval 'x[i] = i + 0 * zeros(1000)[i]; x'
  ;;
arguments)
  code 2 $calx; has err 'help:'
  code 2 $calx --sede 3 run x.calx; has err 'did you mean `--seed`'
  code 2 $calx rnu x.calx; has err 'x.calx\|did you mean `run`'
  code 2 $calx evl; has err 'did you mean `eval`'
  code 2 $calx eval --seed; has err 'needs its N'
  code 2 $calx eval 1 --seed x; has err 'whole number'
  code 2 $calx eval 1 --seed=-4; has err 'whole number'
  code 2 $calx eval 1 --threads 5000; has err '4096'
  code 2 $calx eval 1 --json=yes; has err 'takes no value'
  code 2 $calx eval 1 --resume f; has err 'does not take --resume'
  code 2 $calx run; code 2 $calx eval; code 2 $calx check; code 2 $calx dump; code 2 $calx explain
  code 2 $calx run missing.calx; has err 'missing.calx'
  mkdir folder; code 2 $calx run ./folder; has err 'is a folder'
  code 2 $calx help nonsens; has err 'no help'
  same attached 5 $calx eval 5 -s7 --threads=1
  printf 'print 1\n' >--odd.calx
  same dashes 'print 1
1 = 1' sh -c "cat ./--odd.calx; $calx run -- --odd.calx"
  code 0 $calx --version; has out '^calx [0-9]'
  code 0 $calx eval --help; has out 'usage: calx eval'
  code 0 $calx --help; has out 'usage: calx COMMAND'
  ;;
exit_codes)
  code 0 $calx eval 1
  code 3 $calx eval 'alpa'; has err 'eval:1:1: error:'; has err '\^\^\^\^'
  printf 'data x[n]\nprint sum(x)\n' >d.calx
  code 4 $calx run d.calx
  code 4 $calx run d.calx x=missing.csv; has err missing.csv
  printf 'x\n1\ntwo\n' >bad.csv
  code 4 $calx run d.calx bad.csv; has err bad.csv
  rosenbrock >m.calx; echo 'fit by gradient_descent(rate = 10, steps = 50)' >>m.calx
  code 5 $calx run m.calx
  printf 'write [1, 2] to "/dev/null/at/all.csv"\n' >w.calx
  code 1 $calx run w.calx; has err /dev/null/at
  printf 'plot x for x in 0..1 to "/dev/null/at/all.svg"\n' >w.calx
  : >empty.calx; code 0 $calx run empty.calx
  head -c 3000 /dev/urandom >junk.calx; "$calx" run junk.calx >out 2>err; [ $? = 3 ] || fail "binary junk: exit code $?"
  ;;
stdin)
  same run '1 + 2 = 3' sh -c "echo 'print 1 + 2' | $calx run -"
  same short '1 + 2 = 3' sh -c "echo 'print 1 + 2' | $calx -"
  same eval 3 sh -c "echo '1 + 2' | $calx eval -"
  echo 'print alpa' | $calx - >out 2>err; has err 'stdin:1:7: error'
  ;;
json)
  code 0 $calx eval 'x = 2; x; [1, 0/0, 1/0, -1/0]; "say \"hi\"", 1/3' --json
  valid_json out; has out '"value": 2}'; has out '"nan", "inf", "-inf"'; has out '0.3333333333333333'; has out '"label": "say \\"hi\\""'
  hasnt out '"error"'
  printf 'x,y\n1,1\n2,2\n3,2\n4,5\n5,4\n' >m.csv
  echo 'data x[n], y[n]; param a; minimize mean(i: (y[i] - a * x[i])^2); fit by sgd(rate = 0.01, batch = 2, epochs = 3, validation = 0.4, metric = [r2(y, a * x), mean(y)])' >m.calx
  code 0 $calx run m.calx m.csv --json
  valid_json out; has out '"metrics": {"r2(y, a \* x)": .*"mean(y)": '; has out '"validation_metrics": {'; has out '"trace_by": "epoch"'
  has out '"history": {"r2(y, a \* x)": \[.*, .*, .*\], .*"validation": .*"validation mean(y)": '
  code 3 $calx eval 'a = [1, 2]; param w; minimize w^2; fit by lbfgs(metric = w * a)'; has err 'a metric is one number, this has the shape'
  code 3 $calx eval 'alpa; betta' --json
  valid_json out; has out '"code": 3'; has out '"line": 1, "column": 1'; has out '"errors"'; has out '"status": 3'
  printf 'x,kind\n1,a\n2,b"\n3,a\n' >t.csv
  printf 'data x[n], kind[n] : category\nparam w = 0\nminimize sum(i: (x[i] - w)^2)\nfit by newton\nprint w, kind\nwrite x to "x.csv"\nplot t^2 for t in 0..1\n' >p.calx
  code 0 $calx run p.calx t.csv --json
  valid_json out; has out '"value": \["a", "b\\"", "a"\]'; has out '"params": {"w": '; has out '"converged": true'
  has out '"files": \["p.svg"'; has out '"written": \["x.csv"\]'
  [ -s p.svg ] && [ -s x.csv ] || fail "files of a JSON run are missing"
  printf 'kind\ncat\ndog\n' >k.csv
  printf 'data kind[n] : category = "k.csv"\nprint text(1, kind), text([[0, 1]], kind), integral(x in 0..1: exp(sin(x)))\n' >k.calx
  code 0 $calx run k.calx --json; valid_json out; has out '"value": "dog"}'; has out '"value": \[\["cat", "dog"\]\]'
  has out '"value": 1.63186960841805.*, "error": .*, "evaluations": [0-9]*, "converged": true'
  printf 'print "\001\377\n' >b.calx; $calx run b.calx --json >out 2>err; valid_json out
  code 0 $calx check p.calx t.csv --json; valid_json out; has out '"checks"'
  code 0 $calx explain 'd(x^2, x)' --json; valid_json out; has out '"explain": \["'
  ;;
check)
  rosenbrock >m.calx; echo 'print x' >>m.calx
  code 0 $calx check m.calx; has out 'd(objective, x)'; has out ok
  awk 'BEGIN { for (i = 0; i < 400; i++) print i % 100 / 100 }' >x.csv # more rows than the differences take
  printf 'data x[n] = "x.csv"\nparam a\nminimize mean(i, j: (sin(a * x[i] * x[j]) - 1)^2)\nfit by adam(batch = 10)\n' >r.calx
  code 0 $calx check r.calx; has out 'd(objective, a) .* ok'
  printf 'param x = 0\nminimize log(-1 - x^2)\n' >s.calx
  code 6 $calx check s.calx; has out 'not finite'
  printf 'print 1\n' >n.calx; code 0 $calx check n.calx
  ;;
dump)
  rosenbrock >m.calx
  code 0 $calx dump m.calx; has out '^input x'; has out '^output objective'
  cp out m.ir
  for pass in $($calx help passes | sed 's/ .*//'); do
    code 0 $calx dump m.calx --after "$pass"
    [ -s out ] || fail "dump after $pass is empty"
  done
  printf 'V(t) = integral(x in 0..2: if x^2 < t then exp(x^2) else 0)\nprint V(0.25), d(V(t), t) at t = 0.25\n' >q.calx
  code 0 $calx dump q.calx --after outline; has out 'prim quadrature'; has out '# integral over x, tol = 1e-10, of'
  has out '# sum over the places of the feature, of'; has out '# features: break, summit of'
  code 0 $calx dump --ir m.ir; cmp -s out m.ir || fail "equations do not come back as they were"
  printf 'param t = 2\nminimize sum(ranks([1, 3, 2]) * t) + integral(x in 0..t: x^2) + sum(k in 1..inf: 1 / k^t)\n' >p.calx
  code 0 $calx dump p.calx --after diff; cp out p.ir; has out 'prim ranks('; has out 'prim integral('; has out 'prim series('
  code 0 $calx dump --ir p.ir; cmp -s out p.ir || fail "primitives do not come back as they were"
  code 0 $calx dump p.calx --after outline; cp out p.ir
  code 3 $calx dump --ir p.ir; has err 'equations of its own, which are not part of this text'
  code 0 $calx dump --ir m.ir --after simplify
  code 2 $calx dump --ir m.ir --after simplfy; has err 'did you mean `simplify`'
  code 2 $calx dump m.calx --after simplfy; has err 'did you mean `simplify`'
  echo 'input x[' >bad.ir; code 3 $calx dump --ir bad.ir; has err 'bad.ir:1:'
  ;;
explain)
  code 0 $calx explain 'd(x^2 * sin(x), x)'; has out 'product rule'; has out 'power rule'
  code 0 $calx explain "f(x) = exp(x^2); f'(t)"; has out 'chain rule'
  printf 'print 1\nexplain d(x^3, x)\n' >e.calx
  code 0 $calx explain e.calx; has out 'power rule'; hasnt out '1 = 1'
  code 0 $calx explain 'd(x / (x + 1), x)'; has out 'quotient rule'
  code 0 $calx explain 'd(2^x, x)'; has out 'exponential: (a^u)'
  code 0 $calx explain 'd(x^x, x)'; has out 'general power: (u^v)'
  code 0 $calx explain 'd(if x > 0 then x^2 else -x, x)'; has out 'piecewise: each branch on its own'
  code 0 $calx explain 'd(max(x, x^2), x)'; has out 'chain rule over the arguments of max'
  same itself 'd/dx x
  = 1, the variable itself
result: 1' $calx explain 'd(x, x)'
  for twice in 'd(d(x^3, x), x)' "f(x) = x^3; f''(x)"; do code 0 $calx explain "$twice"; has out '^result: 6 \* x$'; done
  code 3 $calx explain 'x + 1'; has err 'what is neither a derivative'
  code 0 $calx explain 'integral(x in 0..2: x^2 * exp(-x))'; has out 'rule by parts'; has out 'result: 0.646647'
  code 0 $calx explain 'f(a) = integral(x in 0..inf: exp(-a * x^2)); f(a)'; has out 'rule gauss: the antiderivative of exp(s)'
  code 0 $calx explain 'integral(x in 0..1: exp(sin(x)))'; has out 'by quadrature'
  code 0 $calx explain "F(t) = integral(x in 1..t^2: if x < t then sin(x * t) else 0); F'(t)"
  has out "Leibniz's rule"; has out 'under the integral: integral(x in 1..t^2: d('; has out 'the upper end: .* \* d(t^2, t)'
  has out 'jumps: where a condition'; hasnt out 'the lower end'
  ;;
help_in_step)
  $calx help --man >calx.1; cmp -s calx.1 "$source/doc/calx.1" || fail "doc/calx.1 is not what \`calx help --man\` prints"
  $calx help --completion >completion
  if command -v bash >/dev/null 2>&1; then
    bash -n completion || fail "the completion script is no bash"
    same completion '--seed --strict' bash -c '. ./completion; COMP_WORDS=(calx run --s); COMP_CWORD=2; _calx; echo "${COMPREPLY[*]}"'
    same commands 'check' bash -c '. ./completion; COMP_WORDS=(calx che); COMP_CWORD=1; _calx; echo "${COMPREPLY[*]}"'
  fi
  if command -v man >/dev/null 2>&1; then
    warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l calx.1 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "$warnings"
  fi
  code 0 $calx help
  for command in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' out); do
    code 0 $calx help "$command"; has out "usage: calx $command"
  done
  for topic in options methods functions passes adam lgamma; do
    code 0 $calx help $topic; [ -s out ] || fail "help $topic is empty"
  done
  $calx help options >options
  for option in $(sed -n 's/.*--\([a-z-]*\).*/\1/p' options); do has calx.1 "$(echo "$option" | sed 's/-/\\\\-/g')"; done
  [ "$(awk 'length > 80' options | wc -l)" = 0 ] || fail "help is wider than 80 columns"
  ;;
plots)
  printf 'plot x^2, 1 / x for x in -1..1\nplot x * y for x in 0..1, y in 0..2\nplot x for x in 0..1 to "own.svg"\n' >p.calx
  code 0 $calx run p.calx; has out 'wrote p.svg'; has out 'wrote p-2.svg'; has out 'wrote own.svg'
  for f in p.svg p-2.svg own.svg; do
    [ -s $f ] || fail "$f is missing"
    if command -v python3 >/dev/null 2>&1; then python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' $f || fail "$f is no XML"; fi
  done
  [ "$(ls | grep -c tmp)" = 0 ] || fail "left beside: $(ls)"
  printf 'plot x for x in 0..1 to "p.gif"\n' >g.calx; code 1 $calx run g.calx; has err '.svg or .png'
  code 0 $calx eval 'plot x for x in 0..1'; [ -s plot.svg ] || fail "plot.svg is missing"
  # rows and columns with names: words of a category, tokens of a text
  printf 'kind\nplum\napple\nplum\n' >kind.csv; printf 'to be to\n' >said.txt
  printf '%s\n' 'data kind[n] : category = "kind.csv", said : text = "said.txt"' 'c = words(said)' 'm = [[1, 2], [3, 4]]' \
    'w[i in 0..2, j in 0..2] = i + j' 'plot m by kind to "m.svg"' 'plot w by text(c, c) to "w.svg"' \
    'plot w by text(characters(said)[0..2], characters(said)) to "b.svg"' >named.calx
  code 0 $calx run named.calx
  for word in plum apple; do [ "$(grep -c ">$word<" m.svg)" -ge 1 ] || fail "m.svg does not name $word"; done
  [ "$(grep -o '>to<' w.svg | wc -l)" = 4 ] || fail "w.svg names its rows and columns: $(grep -o '>[a-z]*<' w.svg)"
  grep -q '>·<' b.svg || fail "b.svg has no sign for a blank"
  printf 'm = [[1, 2], [3, 4]]\nplot m by [1, 2, 3]\n' >named.calx; code 3 $calx run named.calx; has err '2 × 2, but this has 3 elements'
  ;;
out)
  rosenbrock >m.calx; printf 'fit by lbfgs\nplot x^2 for x in 0..1\nwrite [x, y] to "xy.csv"\n' | sed 's/plot x^2 for x/plot t^2 for t/' >>m.calx
  code 0 $calx run m.calx --out a/b
  for f in m.svg m-fit.svg xy.csv; do [ -s a/b/$f ] || fail "a/b/$f is missing"; done
  : >file; code 1 $calx run m.calx --out file/x; has err 'file/x'
  ;;
quiet)
  rosenbrock >m.calx; printf 'fit by lbfgs\nprint 7\nplot t for t in 0..1\n' >>m.calx
  same quiet '7 = 7' $calx run m.calx --quiet
  code 0 $calx run m.calx; has out '^fit by lbfgs'; has out 'objective'; has out 'wrote'
  [ ! -s err ] || fail "progress where standard error is no terminal: $(cat err)"
  ;;
color)
  escape=$(printf '\033')
  code 3 $calx eval alpa; hasnt err "$escape"
  if script -qec true /dev/null >/dev/null 2>&1; then
    export TERM=xterm
    script -qec "$calx eval alpa" /dev/null >out 2>&1; has out "$escape\["
    NO_COLOR=1 script -qec "$calx eval alpa" /dev/null >out 2>&1; hasnt out "$escape\["
    script -qec "$calx eval alpa --no-color" /dev/null >out 2>&1; hasnt out "$escape\["
    TERM=dumb script -qec "$calx eval alpa" /dev/null >out 2>&1; hasnt out "$escape\["
    LC_ALL=C.UTF-8 script -qec "$calx eval 'plot x for x in 0..1'" /dev/null >out 2>&1; has out '┤'
    LC_ALL=C script -qec "$calx eval 'plot x for x in 0..1'" /dev/null >out 2>&1; hasnt out '┤'
  fi
  ;;
repl)
  same session '4
6
16
error kept out
12' sh -c "printf 'x = 2\nx^2\n(x +\n4)\nx = 4\nx^2\nprint \"error kept out\"\nx + nothing\nx * 3\n' | $calx repl 2>err"
  has err 'nothing defines'
  same names 'y = 3' sh -c "printf 'y = 1\ny = 3\nprint y\n.names\n.quit\nprint 9\n' | $calx repl | tail -n 1"
  printf 'f(x) = x^2\nprint f(3)\n' >f.calx
  same load 'f(3) = 9
8' sh -c "printf '.load f.calx\nf'\"'\"'(4)\n' | $calx repl | sed 's/^9\$/f(3) = 9/'"
  same recurrence 8 sh -c "printf 'h[0] = 1\nh[t in 0..5] = 2 * h[t - 1]\nh[3]\n' | $calx repl 2>/dev/null"
  printf '.hepl\n' | $calx repl >out 2>err; has err 'did you mean `.help`'
  printf '.help\n' | $calx repl >out 2>err; has out '.load'
  same reset '1' sh -c "printf 'z = 1\nz\n.reset\nz\n' | $calx repl 2>/dev/null"
  same fits '1' sh -c "printf 'param x = 0\nminimize (x - 1)^2\nfit by newton\nx\n' | $calx repl -q"
  # a fit is solved once, and again where what it reads is replaced
  same fit_kept '3
3 3
4 4' sh -c "printf 't = 3\nparam x\nminimize (x - t)^2\nfit by newton\nx\nparam z\nminimize (z - x)^2\nfit by lbfgs\nprint x, z\nt = 4\nprint x, z\n' |
    $calx repl -q | sed 's/x = \(.\), z = /\1 /'"
  [ "$(printf 'param x\nminimize (x - 3)^2\nfit by newton\n1\n2\n' | $calx repl 2>&1 | grep -c 'fit by newton')" = 1 ] || fail "the fit is shown again"
  if script -qec true /dev/null >/dev/null 2>&1 && $calx version | grep -qw libedit; then
    printf '1 + 1\n.quit\n' | XDG_STATE_HOME=$work/state TERM=xterm script -qec "$calx repl" /dev/null >out 2>&1; has out '^2'
    # Ctrl-C drops the line that is typed, then ends what is computed; the session goes on
    : >typed
    awaited() { i=0; until grep -q -e "$1" typed || [ $i -gt 300 ]; do sleep 0.1; i=$((i + 1)); done; }
    { awaited 'calx>'; printf 'abandoned \003'; sleep 0.3; printf '2 + 2\n'; awaited '^4'
      printf 'sum(i in 0..99999999: sum(j in 0..9999: sin(i * j)))\n'; sleep 1; printf '\003'; awaited interrupted
      printf '3 + 4\n'; awaited '^7'; printf '.quit\n'; } |
      XDG_STATE_HOME=$work/state TERM=xterm script -qefc "$calx repl" typed >/dev/null 2>&1
    has typed '^4'; has typed interrupted; has typed '^7'; hasnt typed 'name .abandoned'
  fi
  ;;
broken_output)
  if [ -c /dev/full ]; then
    $calx eval 1 >/dev/full 2>err; [ $? = 1 ] || fail "full disk: exit code"
    has err 'could not be written'
    $calx eval 'alpa' >/dev/full 2>err; [ $? = 3 ] || fail "full disk hides the error"
    $calx help >/dev/full 2>err; [ $? = 1 ] || fail "full disk, help: exit code"
  fi
  cat >many.calx <<'END'
x[i, j] = i + j + 0 * zeros(400, 400)[i, j]
print x
END
  i=0; while [ $i -lt 300 ]; do echo 'print x'; i=$((i + 1)); done >>many.calx
  $calx run many.calx 2>err | head -n 1 >out; [ ! -s err ] || fail "closed pipe: $(cat err)"
  (trap '' PIPE; $calx run many.calx 2>err | head -n 1 >out); [ ! -s err ] || fail "closed pipe, SIGPIPE ignored: $(cat err)"
  ;;
interrupt)
  rosenbrock >m.calx; echo 'fit by adam(rate = 1e-6, steps = 2000000000)' >>m.calx
  # a background job of a plain sh ignores SIGINT, one with job control does not
  set -m 2>/dev/null
  $calx run m.calx >out 2>err & pid=$!
  sleep 1.5; kill -INT $pid; wait $pid; got=$?
  [ $got = 130 ] || fail "interrupted: exit code $got"
  has err 'interrupted'; has err 'to go on: .*run m.calx --resume m.ckpt'
  [ -s m.ckpt ] || fail "no checkpoint"
  $calx run m.calx --resume m.ckpt >out 2>err & pid=$!
  sleep 1.5; kill -INT $pid; wait $pid; got=$?
  [ $got = 130 ] || fail "interrupted again: exit code $got"
  has err 'to go on: .*run m.calx --resume m.ckpt$'
  # what it found so far becomes a model: another end of the fit, and questions behind it
  { sed 's/steps = 2000000000/steps = 1/' m.calx; echo 'write model to "m.safetensors"'; } >n.calx
  code 0 $calx run n.calx --resume m.ckpt; hasnt err 'another text'
  code 0 $calx predict m.safetensors x y; hasnt out 'x = -1.2$'
  code 4 $calx predict m.ckpt x; has err 'it is a checkpoint of a fit, no data and no model'
  sed 's/100/101/' m.calx >n.calx; code 4 $calx run n.calx --resume m.ckpt; has err 'another text of the program'
  code 4 $calx run m.calx --resume missing.ckpt
  ;;
progress) # what a terminal shows while a fit goes on
  command -v script >/dev/null 2>&1 || exit 0
  awk 'BEGIN { for (i = 0; i < 4000; i++) print sin(i) "," 3 * sin(i) + 1 }' >t.csv
  cat >m.calx <<'END'
data x[n] = "t.csv:1", y[n] = "t.csv:2"
param a, b
e = a * x + b - y
minimize mean(i: e[i]^2)
fit by adam(batch = 10, epochs = 100, validation = 0.2, metric = mean(abs(e)))
END
  COLUMNS=120 script -qec "$calx run m.calx" log >/dev/null </dev/null || fail "in a terminal: exit code $?"
  tr '\r' '\n' <log >lines
  has lines 'adam  epoch [0-9]*/100  .*loss [0-9.e-]*  mean [0-9.e-]*  validation [0-9.e-]*  mean [0-9.e-]*  [0-9.]*[kM]* rows/s'
  has lines '━'; hasnt lines 'e+'; has lines 'fit by adam: 100 epochs, 32000 steps'
  ;;
readme) # what README shows is what happens; digits that depend on the processor are not compared
  ln -s "$source/examples" examples
  awk 'BEGIN { for (i = 0; i < 150; i++) { print i % 7 "," i % 5 "," i % 3 "," i % 2 >"X.csv"; print i % 3 >"s.csv" } }'
  printf 'data X[n, d] = "X.csv", species[n] = "s.csv"\nprint X @ species, sqroot(2)\n' >model.calx
  { echo '$ calx run model.calx'; awk '/^```/ { on = 0 } /^model.calx:/ && !on { on = 1 } on' "$source/README.md"; echo
    awk '/^```/ { on = !on } on && /^\$ calx/ { shown = 1 } !on { shown = 0 } shown' "$source/README.md"; } >shown
  awk '/^\$ calx/ { sub(/^\$ /, ""); sub(/  +#.*/, ""); n++; print >("command" n); printf "" >("expected" n); next }
       n && NF { print >("expected" n) }' shown
  plain() { sed -E 's/[0-9.]+e-[0-9]+/E/g; s/([0-9]\.[0-9]{4})[0-9]*/\1/g; s/  +/  /g' "$1"; }
  k=1
  while [ -f command$k ]; do
    (PATH=$(dirname "$calx"):$PATH; . ./command$k) </dev/null >out 2>&1
    got=$?
    if grep -q model.calx command$k; then [ $got = 3 ]; else [ $got = 0 ]; fi || fail "$(cat command$k): exit code $got"
    plain expected$k | grep . >want; plain out | grep . >have
    [ ! -s want ] || cmp -s want have || fail "README, $(cat command$k): $(diff want have)"
    k=$((k + 1))
  done
  [ $k -gt 7 ] || fail "README: only $k commands found"
  ;;
strict)
  printf 'x,y\n1,2\n' >t.csv
  code 0 $calx eval 1 --strict
  rosenbrock >m.calx; echo 'fit by adam(steps = 3)' >>m.calx
  $calx run m.calx >out 2>err; got=$?
  if grep -q warning err; then
    expected=$got; [ $got = 0 ] && expected=6
    code $expected $calx run m.calx --strict
  fi
  printf 'plot trace\n' >w.calx; $calx run w.calx >out 2>err
  if [ $? = 0 ] && grep -q warning err; then code 6 $calx run w.calx --strict; fi
  ;;
timing)
  code 0 $calx eval 1 --timing; has err 'total'; same alone 1 $calx eval 1 --timing
  rosenbrock >m.calx; $calx run m.calx >plain 2>err
  code 0 $calx run m.calx --profile; has err 'GFLOP/s.*instruction'; has err 'pass over data'; cmp out plain
  ;;
startup) # nothing that is not needed is opened at the start
  if command -v ldd >/dev/null 2>&1; then
    ldd $calx >out 2>&1; hasnt out 'cairo'; hasnt out 'fontconfig'
  fi
  same works 2 $calx eval '1+1'
  ;;
*) fail "no such case" ;;
esac
exit $failed
