# model.sh - models in files from the command line: one case a run, see common.sh.
. "$(dirname "$0")/common.sh"
data=$source/test/data
has() { grep -q -- "$2" "$1" || { fail "$1 lacks: $2"; cat "$1"; }; }
hasnt() { ! grep -q -- "$2" "$1" || { fail "$1 has: $2"; cat "$1"; }; }
code() { want=$1; shift; "$@" >out 2>err; got=$?; [ $got = "$want" ] || { fail "exit code $got, not $want: $*"; cat out err; }; }

case $case in
digits) # trained, written, read: the held-out predictions are the very same
  { grep -v '^plot' $source/examples/digits/digits.calx | sed 's/epochs = 40/epochs = 3/'
    echo 'print q'; echo 'write q to "q.csv"'; echo 'write model to "m.safetensors"'; } >digits.calx
  cp $source/examples/digits/*.csv .
  code 0 $calx run -q digits.calx; cp out first
  mkdir apart; mv m.safetensors test.csv apart; mv q.csv q1.csv; rm -f *.calx train.csv; cd apart || exit 1
  code 0 $calx predict m.safetensors x_test=test.csv q --to q.csv
  cmp -s q.csv ../q1.csv || fail "predictions differ from those of the run"
  code 0 $calx predict -q m.safetensors x_test=test.csv digit_test=test.csv:digit
  cmp -s out ../first || { fail "the program's own questions"; diff out ../first; }
  code 0 $calx predict m.safetensors test.csv 'argmax(k: p[0, k])' 'p == q at x_test = x'
  code 4 $calx predict m.safetensors test.csv q; has err 'reads `x_test`'
  code 3 $calx predict m.safetensors test.csv 'qq + 1'; has err 'nothing defines the name `qq`'
  code 2 $calx predict m.safetensors; has err 'no question'; has err 'defines q, p'
  code 4 $calx predict m.safetensors none.csv p; has err 'there is no such file'
  code 2 $calx predict m.safetensors test.csv --to p.csv; has err 'none is asked for'
  code 0 $calx predict --json m.safetensors test.csv 'p[0, 0]'; has out '"text": "p\[0, 0\]"'
  head -c 1000 m.safetensors >cut.safetensors; code 4 $calx predict cut.safetensors test.csv p; has err 'cut short'
  code 4 $calx predict $data/linear.safetensors test.csv p; has err 'there is no calx program in it'
  code 4 $calx predict test.csv p
  ;;
categories) # the words keep their numbers; statistics are those of the data of the fit
  cat >m.calx <<'END'
data u[n], v[n], kind[n] : category
m = mean(i: u[i]); s[j in 0..1] = if j == 0 then m else max(u)
param w[classes(kind)], b
p[i] = (u[i] - m) * w[kind[i]] + b + s[1]
minimize mean(i: (v[i] - p[i])^2) + l2(params)
fit by lbfgs
print p
write model to "m.safetensors"
END
  printf 'u,v,kind\n1,2,cat\n2,1,eel\n4,0,dog\n7,3,cat\n' >a.csv
  printf 'u,kind\n4,dog\n7,cat\n' >b.csv
  printf 'u,kind\n4,dog\n7,cot\n' >c.csv
  code 0 $calx run -q m.calx a.csv; sed 's/.*\[\(.*\)\]/\1/; s/, /\n/g' out | sed -n 3,4p >want
  code 0 $calx predict m.safetensors b.csv 'p'; sed 's/.*\[\(.*\)\]/\1/; s/, /\n/g' out | cmp -s - want || fail "predictions differ"
  code 0 $calx predict m.safetensors b.csv kind 'classes(kind)'; has out 'kind = \[dog, cat\]'; has out '= 3'
  code 4 $calx predict m.safetensors c.csv p; has err 'c.csv:3: column kind: "cot" is no category'; has err 'did you mean cat'
  code 0 $calx predict m.safetensors b.csv 'w == w'
  ;;
load) # weights by name, their transpose, from other software; some params fitted, the others left
  cp $data/linear.safetensors .
  cat >l.calx <<'END'
x = [1, 1, 1]
param A[3, 2], b[2], s > 0
load A = "fc.weight"', b = "fc.bias" from "linear.safetensors"
print x @ A + b
minimize sum(A^2) + sum(b^2) + (log(s) - 1)^2
fit s, b by lbfgs
print A, b, log(s)
END
  code 0 $calx run -q l.calx; has out '\[4, 14\]'; has out '\[1  4\]'; has out 'log(s) = 1$'
  printf 'f(x) = { param c = 1; c * x }\nparam c\nprint f(1) + f(2) + c\nload "model.safetensors"\n' >n.calx
  printf 'f(x) = { param c = 1; c * x }\nparam c = 7\na = f(1) + f(2) + c\nwrite model to "model.safetensors"\n' >w.calx
  printf 'f(x) = { param c = 1; c * x }\nparam c\na = f(1) + f(2) + c\nload "model.safetensors"\nload f = "f2.c" from "model.safetensors"\n' >e.calx
  code 0 $calx run w.calx; has out 'wrote model.safetensors'
  code 0 $calx run n.calx; has out '= 10$'
  code 3 $calx run e.calx; has err 'there is no param `f` above'
  printf 'param a, b\nminimize (a - 1)^2 + (b - 2)^2\nfit a by newton\nprint a, b\nfit b by newton\nprint a, b\n' >f.calx
  code 0 $calx run -q f.calx; has out 'a = 1, b = 0\|a = 1$'; has out 'b = 2'
  printf 'param a, b\nminimize (a - 1)^2 + (b - 2)^2\nfit a by newton\nload "model.safetensors"\n' >g.calx
  code 3 $calx run g.calx; has err 'loaded before the first fit'
  printf 'param a, b\nminimize (a - 1)^2 + (b - 2)^2\nfit c by newton\n' >h.calx
  code 3 $calx run h.calx; has err 'there is no param `c`'; hasnt err 'nothing to fit'
  # an expression of the file's arrays, over lines; the model that is written needs the file no more
  printf 'param A[2, 3], b[2]\nload A = 2 * "fc.weight",\n  b = "fc.bias" + "fc.weight"[1][0..1]\n  from "linear.safetensors"\nprint A, b\nwrite model to "o.safetensors"\n' >o.calx
  code 0 $calx run o.calx; has out '\[6  8  10\]'; has out 'b = \[4, 6\]'
  mkdir away; code 0 sh -c "cd away && $calx predict ../o.safetensors b"; has out 'b = \[4, 6\]'
  printf 'param A[3, 2], b[2]\nload A = "fc.weight"[0] from "linear.safetensors"\n' >p.calx
  code 3 $calx run p.calx; has err 'shape \[3, 2\], but this has \[3\]'
  printf 'param A[2, 3], b[2]\nload A = "fc.weight" + b[0] from "linear.safetensors"\nprint A\n' >p.calx
  code 3 $calx run p.calx; has err 'the start of `A` depends on another param'
  # a program may be called like a file of the library
  printf 'f(x) = { param c = 7; c * x }\ng(x) = f(x)\nparam h(x) = g(x)\nprint h(1)\nwrite model to "model.safetensors"\n' >nn.calx
  sed 's/write.*/load "model.safetensors"/; s/= 7/= 6/' nn.calx >other.calx
  code 0 $calx run nn.calx; code 0 $calx run other.calx; has out '= 7$'
  # another order of the same shape, of other software's weights alone
  head='{"fc.weight":{"dtype":"F32","shape":[3,3],"data_offsets":[0,36]},"c.weight":{"dtype":"F32","shape":[2,2,2,2],"data_offsets":[36,100]}}'
  { printf '\'"$(printf %03o ${#head})"'\0\0\0\0\0\0\0%s' "$head"; head -c 100 /dev/zero; } >square.safetensors
  square() { printf 'x = ones(2, 3)\ny = dense(x, 3)\nz = conv(ones(1, 4, 4, 2), 2, 2)\nload "dense.W" = %s, "conv.W" = %s from "square.safetensors"\nprint y - y, sum(z - z)\nwrite model to "own.safetensors"\n' "$1" "$2" >s.calx; }
  square '"fc.weight"' '"c.weight"'
  code 0 $calx run s.calx; has err '"fc.weight" does not tell'; has err '"c.weight" does not tell'
  square '"fc.weight"'"'" 'filters("c.weight")'; code 0 $calx run --strict s.calx
  square '1 * "fc.weight"' '1 * "c.weight"'; code 0 $calx run --strict s.calx
  sed 's/square/own/; s/"fc.weight"/"dense.W"/; s/"c.weight"/"conv.W"/; s/1 \* //g' s.calx >o.calx; code 0 $calx run --strict o.calx
  printf 'param a\nwrite model to "m.csv"\n' >i.calx; code 3 $calx run i.calx; has err 'm.safetensors'
  printf 'a = 1\nwrite model to "m.safetensors"\n' >j.calx; code 3 $calx run j.calx; has err 'declares no param'
  ;;
imports) # the file holds what the program imports
  mkdir lib; printf 'g(x) = 3 * x\nimport "deep.calx"\n' >lib/mine.calx; printf 'h(x) = x + 1' >lib/deep.calx
  printf 'import "lib/mine.calx"; data x[n]\nparam a = 2\nimport "lib/mine.calx"\np = h(g(x)) * a\nwrite model to "m.safetensors"\n' >m.calx
  printf '1\n2\n' >x.csv
  code 0 $calx run m.calx x.csv; rm -r lib m.calx
  code 0 $calx predict m.safetensors x.csv p; has out 'p = \[8, 14\]'
  ;;
*) fail "no such case" ;;
esac
exit $failed
