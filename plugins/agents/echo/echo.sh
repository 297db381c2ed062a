#!/bin/sh
# Says its argument as an agent would: one text event, one result.

# Writes its argument as the inside of a JSON string.
escape() {
  rest=$1
  while [ -n "$rest" ]; do
    next=${rest#?}
    character=${rest%"$next"}
    rest=$next
    case $character in
      '"') printf '\\"' ;;
      \\) printf '\\\\' ;;
      '
') printf '\\n' ;;
      '	') printf '\\t' ;;
      [[:cntrl:]]) printf '\\u%04x' "'$character" ;;
      *) printf '%s' "$character" ;;
    esac
  done
}

text=$(escape "${1-}")
printf '{"type":"text","text":"%s"}\n' "$text"
printf '{"type":"result","status":"ok","output":"%s"}\n' "$text"
