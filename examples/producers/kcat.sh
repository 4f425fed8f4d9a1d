#!/usr/bin/env bash
# Submit a run and wait for its end, with kcat and jq.
#
#   KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 ./kcat.sh hello '"world"' hello-1
set -euo pipefail
pipeline=$1 input=$2 run_id=$3
servers=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092} prefix=${ARGOSY_KAFKA__TOPIC_PREFIX:-argosy}

jq -nc --arg pipeline "$pipeline" --argjson input "$input" '{pipeline: $pipeline, input: $input}' |
  kcat -P -b "$servers" -t "$prefix.inbox" -k "$run_id" -X acks=all -X enable.idempotence=true \
    -H ce_specversion=1.0 -H ce_type=argosy.run.submitted.v1 -H "ce_id=$run_id/$(date +%s)/$$" \
    -H ce_source=example/kcat.sh -H "ce_subject=$run_id" -H content-type=application/json

# The last thousand answers of each partition and what comes: ours may have come already. (Not "from a minute ago on":
# where nothing is that young, that means the end, as it is a moment later.) kcat reads on for ever: it is ended with
# this script, once jq has found its record.
exec 3< <(exec kcat -C -q -u -J -b "$servers" -t "$prefix.results" -o -1000)
reading=$!
trap 'kill "$reading"' EXIT

# Two numbers of a refusal name the submit (partition/offset); kcat does not tell ours, so any refusal of this id counts.
jq -nc --arg run "$run_id" 'first(inputs
    | (.headers | [range(0; length; 2) as $i | {(.[$i]): .[$i + 1]}] | add) as $h
    | select($h.ce_subject == $run) | {type: $h.ce_type} + (.payload | fromjson))' <&3
