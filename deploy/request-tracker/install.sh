#!/bin/sh
# Installs Request Tracker 5 from Debian's packages, with an SQLite database, and what the bridge needs in it.
# Nothing is started. Where RT is installed already, only the bridge's part is made.
#
#   BRIDGE_URL       where the scrip posts: https://bridge.example.com/webhooks/helpdesks/generic/rt
#   BRIDGE_SECRET    whsec_ and base64 of at least 24 random bytes, as in the account's verification.secrets
#   BRIDGE_PASSWORD  of RT's user jelou-bridge, as in the account's access
#   RT_URL           where people open RT, with its path if it has one; http://127.0.0.1:8080 where it is not given
#   RT_ROOT_PASSWORD of RT's user root, at least 8 characters; needed for a new RT alone
set -eu

: "${BRIDGE_URL:?is not set}" "${BRIDGE_SECRET:?is not set}" "${BRIDGE_PASSWORD:?is not set}"
here=$(cd "$(dirname "$0")" && pwd)
url=${RT_URL:-http://127.0.0.1:8080}
origin=$(printf %s "$url" | sed 's,^\([a-z]*://[^/]*\).*,\1,')
sites=/etc/request-tracker5/RT_SiteConfig.d
host=${url#*://} && host=${host%%[:/]*}

preseed() {
    while read -r name kind value; do
        echo "request-tracker5 request-tracker5/$name $kind $value"
    done <<END
handle-siteconfig-permissions boolean true
rtname string $host
organization string $host
correspondaddress string rt@$host
commentaddress string rt-comment@$host
webbaseurl string $origin
initial-root-password password $RT_ROOT_PASSWORD
initial-root-password-confirm password $RT_ROOT_PASSWORD
dbconfig-install boolean true
database-type select sqlite3
install-cronjobs boolean false
END
}

# Debian asks this program before it starts a service; one that is there already is put back.
without_services() {
    policy=/usr/sbin/policy-rc.d
    kept=
    if [ -e $policy ]; then
        kept=$policy.kept-by-bridge
        mv $policy $kept
    fi
    trap 'rm -f $policy; [ -z "$kept" ] || mv "$kept" $policy' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    "$@"
}

packages() {
    : "${RT_ROOT_PASSWORD:?is not set}"
    preseed | debconf-set-selections
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        request-tracker5 rt5-standalone rt5-db-sqlite rt5-clients dma
    # Debian asks for no domain, and its path is /rt; a path of the address given is RT's, none is none.
    path=$(printf %s "${url#*://}" | sed -n 's,^[^/]*\(/.*[^/]\)/*$,\1,p')
    printf "Set(\$WebDomain, '%s');\nSet(\$WebPath, '%s');\n1;\n" "$host" "$path" >$sites/70-web.pm
}

quoted() {
    printf "'%s'" "$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g")"
}

settings() {
    umask 027
    {
        echo "Set(\$JelouBridgeURL, $(quoted "$BRIDGE_URL"));"
        echo "Set(\$JelouBridgeSecret, $(quoted "$BRIDGE_SECRET"));"
        echo "Set(\$JelouBridgeUser, 'jelou-bridge');"
        echo "1;"
    } >$sites/80-jelou-bridge.pm
    chgrp www-data $sites/80-jelou-bridge.pm
}

[ -e /usr/share/request-tracker5/lib/RT.pm ] || without_services packages
settings
BRIDGE_PASSWORD=$BRIDGE_PASSWORD perl "$here/setup-bridge.pl"
echo "done; RT reads its settings when it starts: restart it"
