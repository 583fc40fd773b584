# common.sh - the start of a script of cases: NAME.sh CALX SOURCE CASE, in a new folder that goes at the end.
calx=$1
source=$2
case=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
unset NO_COLOR COLORTERM
# cairo and what is below it keep what they have read
LSAN_OPTIONS=suppressions=$source/test/cli/leaks.txt:print_suppressions=0
export LSAN_OPTIONS

fail() { echo "FAILED: $*"; failed=1; }
