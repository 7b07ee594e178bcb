#!/bin/sh
# Makes the throw-away keys and certificates the Alipay fixtures are signed with.
# Run once; the results are committed, because the committed signatures belong to them.
# They open nothing: no such application and no such authority exists.
set -eu
cd "$(dirname "$0")/../../../server/crates/connector/tests/alipay/keys"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for name in app alipay alipay-next; do
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$name.key.pem"
    openssl pkey -in "$name.key.pem" -pubout -out "$name.pub.pem"
done

authority="/C=CN/O=Yufu Test/OU=Certification Authority/CN=Yufu Test Authority R1"
openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$work/r1.key" -sha256 -days 36500 \
    -subj "$authority" -set_serial 0x4c6f6e672073657269616c -out "$work/r1.pem"
openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$work/r2.key" -sha1 -days 36500 \
    -subj "/C=CN/O=预付测试/OU=根/CN=Yufu Test Authority R2" -utf8 -set_serial 7 -out "$work/r2.pem"
openssl ecparam -genkey -name SM2 -noout -out "$work/sm2.key"
openssl req -x509 -new -key "$work/sm2.key" -sm3 -days 36500 \
    -subj "/C=CN/O=Yufu Test/OU=Certification Authority/CN=Yufu Test SM2 Authority" \
    -set_serial 9 -out "$work/sm2.pem"
# Three kinds in one file, the SM2 one in the middle, with and without empty lines between.
{ cat "$work/r1.pem"; echo; cat "$work/sm2.pem" "$work/r2.pem"; } > roots.crt.pem

serial=1
for name in app alipay alipay-next; do
    openssl req -new -key "$name.key.pem" -subj "/C=CN/O=Yufu Test/CN=$name" -out "$work/$name.csr"
    openssl x509 -req -in "$work/$name.csr" -CA "$work/r1.pem" -CAkey "$work/r1.key" -sha256 \
        -days 36500 -set_serial "0x9fedcba98765432100000$serial" -out "$name.crt.pem" 2>/dev/null
    serial=$((serial + 1))
done
