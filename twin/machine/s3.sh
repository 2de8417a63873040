# shellcheck shell=bash
# s3_curl BUCKET/KEY OPTIONS…: one request to the emulated S3, signed with what pgBackRest is given there.
s3_curl() {
  local bucket=${1%%/*} key=${1#*/}
  shift
  local region=${AWS_DEFAULT_REGION:-$(sed -n 's/^repo1-s3-region=//p' /etc/pgbackrest.conf)}
  curl --silent --show-error --fail --max-time 600 --cacert "$PGBACKREST_REPO1_STORAGE_CA_FILE" \
    --aws-sigv4 "aws:amz:$region:s3" --user "$PGBACKREST_REPO1_S3_KEY:$PGBACKREST_REPO1_S3_KEY_SECRET" \
    "$@" "https://s3.$region.amazonaws.com/$bucket/$key"
}
