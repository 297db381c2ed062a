#!/bin/sh
# Says its argument as an agent would: one text event, one result.

# Writes its argument as the inside of a JSON string. Split and joined, because no two awks agree on what a backslash
# in a replacement means.
escape() {
  printf '%s\n' "$1" | LC_ALL=C awk '
    function replaced(text, found, by,   count, parts, at, result) {
      count = split(text, parts, found)
      result = parts[1]
      for (at = 2; at <= count; at++) result = result by parts[at]
      return result
    }
    {
      line = replaced($0, "[\\\\]", "\\\\")
      line = replaced(line, "\"", "\\\"")
      if (line ~ /[[:cntrl:]]/)
        for (code = 1; code < 32; code++)
          line = replaced(line, sprintf("[%c]", code), sprintf("\\u%04x", code))
      printf "%s%s", (NR > 1 ? "\\n" : ""), line
    }'
}

text=$(escape "${1-}")
printf '{"type":"text","text":"%s"}\n' "$text"
printf '{"type":"result","status":"ok","output":"%s"}\n' "$text"
