#!/usr/bin/env bash
# Says where another list of API Manager versions stands than in the README, under "Install into API Manager".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

list=$(sed -n 's/.* made for API Manager \*\*\([^*]*\)\*\*.*/\1/p' README.md) # 4.5, 4.6 and 4.7
[ -n "$list" ] || {
    echo "README.md: no line says 'made for API Manager **…**'"
    exit 1
}
wrong=0

# names FILE TEXT
names() {
    grep -qF -- "$2" "$1" || {
        echo "$1: does not say '$2'"
        wrong=1
    }
}

for file in CHANGELOG.md docs/limits.md java-shim/bnd.bnd packaging/README-INSTALL.md packaging/install.sh \
    policy-definitions/modelFailover/README.md tests/bundle/README.md; do
    names "$file" "$list"
done
names packaging/install.sh "API Manager ${list/ and / or } home"
for version in ${list//[!0-9. ]/ }; do
    names packaging/install.sh "$version | $version.*"
    names packaging/test-install.sh "-$version.0"
    names docs/compatibility.md "| $version.0 "
    names tests/bundle/src/test/java/org/modelfailover/bundle/Host.java "\"$version.0\""
done
exit $wrong
