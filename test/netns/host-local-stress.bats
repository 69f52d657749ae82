#!/usr/bin/env bats
# host-local under stress, beside the Go plugin. Nothing here needs a namespace; all state is in the test's own directory.
load helpers

setup() { :; }
teardown() { :; }

script() {
  local name=$1
  shift
  mkdir -p "$BATS_TEST_TMPDIR/state"
  must "$REPOSITORY/node_modules/.bin/node" --no-warnings "$REPOSITORY/test/netns/host-local/$name.ts" "$BATS_TEST_TMPDIR/state" "$@"
  sed 's/^/# /' <<<"$output" >&3
}

@test "host-local: 1000 random operations, in turns with the Go plugin on one directory, with both agreeing" {
  script agree 1000
}

@test "host-local: 200 ADDs and DELs at once, half of them by the Go plugin: no address twice, none lost" {
  script storm
}

@test "host-local: killed at any point of ADD" {
  script kill ADD
}

@test "host-local: killed at any point of DEL" {
  script kill DEL
}

@test "host-local: defect 17 of the Go suite: the number of reservations changes nothing about the cost" {
  script count
}
