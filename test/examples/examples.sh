#!/bin/sh
# examples.sh CALX FOLDER - runs every example and compares its numbers. The expected values were computed by NumPy and
# SciPy (least squares by lstsq, logistic and softmax optima by BFGS to a gradient of 1e-7), or are closed forms.
calx=$1
examples=$2
failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out" || exit 1

run() { # run NAME ARGS..., or FOLDER/NAME ARGS..: keeps the output in $out/NAME.txt
  case $1 in */*) folder=${1%/*} ;; *) folder=$1 ;; esac
  name=${1##*/}
  shift
  if ! "$calx" run --seed 1 --no-color --out "$out" "$examples/$folder/$name.calx" "$@" >"$out/$name.txt" 2>"$out/$name.err"; then
    echo "$name: failed"
    cat "$out/$name.err"
    failed=1
  fi
}
# near NAME 'TEXT =' POSITION VALUE TOLERANCE: the POSITION-th number behind TEXT
near() {
  got=$(tr '\n' ' ' <"$out/$1.txt" | awk -v key="$2" -v k="$3" '{
    at = index($0, key); if (!at) exit
    s = substr($0, at + length(key)); gsub(/[][,]/, " ", s); n = split(s, w, " ")
    print w[k] }')
  if ! awk -v g="$got" -v v="$4" -v t="$5" 'BEGIN { d = g - v; if (d < 0) d = -d; exit !(g != "" && d <= t) }'; then
    echo "$1: $2 number $3 is '$got', expected $4 within $5"
    failed=1
  fi
}
exists() {
  for file in "$@"; do
    if [ ! -s "$out/$file" ]; then echo "$file was not written"; failed=1; fi
  done
}

run derivative # x^3 sin(x) at 2
near derivative 'f(2) =' 1 7.274379414605454 1e-8
near derivative "f'(2) =" 1 7.582394429531041 1e-8
near derivative "f''(2) =" 1 -6.350334369828692 1e-8
exists derivative.svg
run partial # closed forms of exp(-(x^2 + y^2)) (x + y) at (0.5, 1)
near partial 'y = 1 =' 1 -0.14325239843009505 1e-8
near partial 'd(d(g(v[0], v[1]), v), v) at v = [0.5, 1] =' 1 -1.0027667890106653 1e-5
near partial 'd(d(g(v[0], v[1]), v), v) at v = [0.5, 1] =' 4 -0.2865047968601901 1e-5
grep -q 'chain rule' partial.txt || { echo "partial: no chain rule"; failed=1; }
run descent # Rosenbrock's minimum
near descent 'x =' 1 1 1e-5
near descent 'y =' 1 1 1e-5
run curve # 8 and -1 / (4 sin(pi / 2))
near curve 'y'"'"'(t)^2)) =' 1 8 1e-8
near curve 'kappa(pi) =' 1 -0.25 1e-10
run area # erf(1.96 / sqrt 2), the fourth moment, Si(8), (3 sin 8) / 2
near area '-1.96..1.96: p(x)) =' 1 0.9500042097035591 1e-9
near area '-1.96 < z < 1.96) =' 1 0.9500042097035591 1e-9
near area 'x^4 * p(x)) =' 1 3 1e-9
near area 'F(2) =' 1 1.5741868217069421 1e-8
near area "F'(2) =" 1 1.4840373699350727 1e-8
exists area.svg
grep -q 'fill-opacity="0.28"' area.svg || { echo "area: nothing is shaded"; failed=1; }
run moments # lambda + lambda^2, lambda, digamma(2) - log 3, a b / (a + b)^2 / (a + b + 1)
near moments ': k^2) =' 1 20 1e-9
near moments ': k) =' 1 4 1e-9
near moments 'log(x)) =' 1 -0.67582795356964265 1e-9
near moments ': x) =' 1 0.025510204081632654 1e-9
run jump
near jump 'hit(0.5) =' 1 0.03125 1e-11
near jump "hit'(0.5) =" 1 0.25 1e-10
run heat # with a = asin(2/7): h = 24 (pi - 2 a) / (2 pi), 168 cos(a) / pi - 2 h, -24 / (7 pi cos(a))
near heat 'dose(26) =' 1 31.673983019108817 1e-7
near heat "dose'(26) =" 1 -9.78646005346397 1e-8
near heat 'hours(26) =' 1 9.78646005346397 1e-8
near heat "hours'(26) =" 1 -1.1388200694674833 1e-8
exists heat.svg
run regression
near regression 'w =' 1 -0.036361224223630265 1e-7
near regression 'R^2 =' 1 0.5177484222203499 1e-9
run autoencoder/linear # what the first six principal components leave, by NumPy's eigvalsh
near linear 'squared error a pixel:' 1 7.5805988100874835 1e-3
run autoencoder # two numbers: less than six principal components leave
near autoencoder 'squared error a pixel:' 1 6.5 0.7
near autoencoder 'of digits never seen:' 1 9 1
exists autoencoder-rebuilt.svg autoencoder-plane.svg
run vae # the divergence of two normal distributions: its formula, and by integration
near vae 'mean(fidelity) =' 1 -21.2 0.7
near vae 'mean(distance) =' 1 2.8 0.3
same=$(tr '\n' ' ' <vae.txt | sed 's/.*divergence: \[\([^]]*\)\].* = \[\([^]]*\)\].*/\1, \2/')
echo "$same" | awk -F, '{ for (k = 1; k <= 3; k++) { d = $k / $(k + 3) - 1; if (d > 1e-5 || d < -1e-5) exit 1 } exit NF != 6 }' ||
  { echo "vae: these divergences differ: $same"; failed=1; }
exists vae-plane.svg vae-drawn.svg vae-walk.svg
run logistic
near logistic 'w =' 1 -0.37860175 1e-5
near logistic 'b =' 1 0.245270903609628 1e-5
near logistic 'right:' 1 0.9876977152899824 1e-9
run wine
near wine 'accuracy(p, cultivar) =' 1 0.9943820224719101 1e-9
run digits # a little network on digits it has not seen: scikit-learn's MLPClassifier of this size scores 0.90 to 0.93
near digits 'digits never seen:' 1 0.92 0.03
exists digits-training.svg digits-confusion.svg
run attention
near attention 'accuracy(p, truth) =' 1 0.97 0.03
run growth # NIST's certified values of Rat43, and the largest slope of its curve at steps of 0.1
near growth 'size =' 1 699.6415127 1e-6
near growth 'delay =' 1 5.2771253025 1e-8
near growth 'rate =' 1 0.75962938329 1e-9
near growth 'shape =' 1 1.2792483859 1e-8
near growth 'fastest growth:' 1 122.45265800418596 1e-6
exists growth.svg
run features/waves # NIST's certified values of ENSO
near waves 'p =' 1 44.311088700 1e-6
near waves 'q =' 1 26.887614440 1e-6
near waves 'level =' 1 10.510749193 1e-8
near waves 'sum of squares:' 1 788.53978668 1e-6
exists waves.svg
run features # penalised least squares: SciPy's design matrix and NumPy's solve
near features 'R^2:' 1 0.6542768612 1e-7
near features 'year:' 1 3.043847 1e-5
near features 'year:' 2 0.5233748 1e-5
exists features.svg features-basis.svg
run features/surface # NIST's certified values of Nelson; least squares by SciPy's design matrix and NumPy's lstsq
near surface 'sum of squares, free:' 1 3.22586577291 1e-8
near surface '1 week to 32:' 2 0.2470612538 1e-5
near surface '1 week to 32:' 6 0.5681917447 1e-5
near surface 'a =' 1 2.5906836021 1e-7
near surface 'exp(b) =' 1 5.6177717026e-9 1e-12
near surface 'c =' 1 0.057701013174 1e-8
exists surface.svg
run pca # the largest eigenvalues of the covariance, by NumPy's eigvalsh; their share of the trace; what is left of it a pixel
near pca 'variance along each:' 1 176.89378349 1e-4
near pca 'variance along each:' 2 161.97659911 1e-4
near pca 'variance along each:' 6 59.46546825 1e-4
near pca 'share of all of it:' 1 0.14736215700275393 1e-7
near pca 'at eigenvectors:' 1 0 1e-4
near pca 'squared error a pixel:' 1 7.5805988100874835 1e-6
exists pca-components.svg pca-plane.svg
if "$calx" version | grep -qw png; then
  run edges "img=$examples/edges/coins.png"
  exists edges.png laplacian.png
  run canny # nothing is left for another pass of hysteresis
  near canny "all that hangs on a strong one is found:" 1 1 0
  exists canny.png steps.svg
  run denoise # the minimum, by 700 steps of Nesterov's method in NumPy; L-BFGS stops a little earlier
  near denoise 'sqrt(mean((noisy - clean)^2)) =' 1 0.09998379213 1e-9
  near denoise 'sqrt(mean((u - clean)^2)) =' 1 0.04416244032 5e-6
  exists noisy.png denoised.png
else
  echo "edges, denoise: skipped, this calx was built without libpng"
fi
run rnn "x=$examples/rnn/digits.npy" "label=$examples/rnn/labels.npy"
near rnn 'accuracy(p, label) =' 1 0.98 0.02
run glyphs # of digits it has not seen
"$calx" predict "$out/glyphs.safetensors" "x=$examples/digits/test.csv" "digit=$examples/digits/test.csv:digit" \
  'accuracy(p, digit)' >glyphs.txt
near glyphs 'accuracy(p, digit) =' 1 0.96 0.02

run augment # its twin without augmentation scores less
awk '/changed pictures/ { a = $NF } /without/ { b = $NF } END { exit !(a > 0.8 && a > b) }' augment.txt || { echo "augment: no gain"; cat augment.txt; failed=1; }
exists augment.svg
run filters
near filters 'digits never seen:' 1 0.93 0.03
exists filters.svg maps.svg misread.svg
grep -q 'truth [0-9], called [0-9]' misread.svg || { echo "filters: no captions"; failed=1; }

jargon=/usr/share/doc/jargon-text/jargon.txt.gz
if "$calx" version | grep -qw zlib && [ -r $jargon ]; then
  run babble "corpus=$jargon" # the least: the entropy of a token given the one before, counted by NumPy
  near babble 'objective' 1 3.67452607152 0.02
  keep=$examples
  mkdir -p part/attend part/language
  # a part of the text and of the steps, which no table of single units or pairs reaches on text that it has not seen
  gzip -dc $jargon | tail -c +20000 | head -c 300000 >jargon-part.txt
  sed 's/steps = 1500/steps = 400/' "$examples/attend/attend.calx" >part/attend/attend.calx
  cp "$examples/attend/prompt.txt" part/attend
  cp "$examples/language/prompt.txt" part/language
  sed 's/steps = 600/steps = 40/; s/batch = 32/batch = 16/' "$examples/language/language.calx" >part/language/language.calx
  examples=$out/part
  run attend "corpus=$out/jargon-part.txt"
  near attend 'perplexity:' 1 40 15 # of single tokens, 512 of them: above 200
  exists attend.svg attend.safetensors
  grep -q '^A hacker is someone who$' attend.txt || { echo "attend: its prompt is lost"; failed=1; }
  "$calx" predict attend.safetensors 'prompt="Real programmers do"' best=1 draw=1 'text(said, g)' >said1.txt
  "$calx" predict attend.safetensors 'prompt="Real programmers do"' best=1 draw=2 'text(said, g)' >said2.txt
  cmp said1.txt said2.txt || { echo "attend: the most probable token is drawn by chance"; failed=1; }
  run language "corpus=$out/jargon-part.txt"
  near language 'objective' 1 2.9 0.35 # nats; single letters: 3.3
  "$calx" predict language.safetensors 'prompt="A hacker"' temperature=0.5 best=3 'text(said, g)' >said1.txt
  [ "$(wc -m <said1.txt)" -ge 250 ] || { echo "language: a prompt does not go on: $(cat said1.txt)"; failed=1; }
  examples=$keep
else
  echo "babble, attend, language: skipped, without zlib or Debian's jargon-text"
fi

sayings() { # as examples/tongues/get-data.sh gathers them, where the packages are installed; into $out/tongues
  for part in brasil cs/citat de/zitate es/vida.fortunes it/italia literature pl/misc; do
    [ -r /usr/share/games/fortunes/$part ] || return 1
  done
  mkdir -p tongues && cp "$examples/tongues/get-data.sh" "$examples/tongues/tongues.calx" tongues && tongues/get-data.sh >/dev/null
}
if sayings; then
  keep=$examples
  examples=$out
  run tongues
  near tongues 'named right:' 1 1 0.015 # at least 98.5 %
  "$calx" predict tongues.safetensors 'saying="Wo bitte geht es hier zum Bahnhof?"' 'text(guess, tongue)' >tongues.txt
  grep -q '\[de\]' tongues.txt || { echo "tongues: a German question is taken for $(cat tongues.txt)"; failed=1; }
  examples=$keep
else
  echo "tongues: skipped, Debian's packages fortunes-* are not installed"
fi

data=/usr/share/datasets/fashion-mnist
if ! "$calx" version | grep -qw zlib; then
  echo "mlp: skipped, this calx was built without zlib"
elif [ -r "$data/train-images-idx3-ubyte.gz" ]; then
  # one epoch instead of five; PyTorch's network of this shape and recipe is right on 86 % of the test pictures then
  mkdir -p mlp
  sed 's/epochs = 5/epochs = 1/' "$examples/mlp/mlp.calx" >mlp/mlp.calx
  ln -s "$data"/*-ubyte.gz mlp
  examples=$out
  run mlp
  near mlp 'pictures never seen:' 1 0.86 0.01
else
  echo "mlp: skipped, Debian's dataset-fashion-mnist is not installed"
fi
[ $failed = 0 ] && echo "all examples agree"
exit $failed
