#!/usr/bin/env sh
# Holds rendered pages against their baselines.
#
#   check.sh BASELINES PAGES [ARGUMENT…]
#
# Further arguments go to `lookalike compare`: `--also junit=junit.xml` for another report, `--map DIR`
# for heat maps, `--update` to accept the pages as the new baselines. The limits are those of the gates.toml beside this
# script, or of $GATES. $LOOKALIKE names the program, $OUT the folder for the results.
#
# Exit status: 0 nothing changed, 1 a page changed, 2 something could not be compared.
set -eu

if [ "$#" -lt 2 ]; then
    echo "usage: check.sh BASELINES PAGES [ARGUMENT…]" >&2
    exit 2
fi
baselines=$1
pages=$2
shift 2

here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-visual-regression}
mkdir -p "$out"

# The result is written in any case, then the status of the comparison is passed on.
status=0
"${LOOKALIKE:-lookalike}" compare "$baselines" "$pages" \
    --config "${GATES:-$here/gates.toml}" \
    --format json --out "$out/result.json" \
    "$@" || status=$?
exit "$status"
