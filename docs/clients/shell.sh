#!/usr/bin/env bash
# Runs a plugin through `reeve serve` and prints what the agent says: shell.sh PLUGIN PROMPT
#
# Needs nothing but bash 5. Ctrl-C cancels the run. Exits with 0 if it succeeded, else with 1.
#
# JSON is read by patterns here: they know what Reeve writes, and texts as docs/plugins.md has them, and no other JSON.
set -u
string='"(([^"\\]|\\.)*)"' calls=0 run='' wants_cancel='' streamed=''
fail() { echo "$1" >&2; exit 1; }

# Writes a text as JSON; of the control characters only line ends are kept.
quote() {
  local text=$1 escape=\\
  text=${text//"$escape"/"$escape$escape"} text=${text//\"/"$escape\""} text=${text//$'\n'/"${escape}n"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# Puts into `words` what a JSON string says, given what stands between its quotes.
unquote() {
  # A backslash is put aside as a character that JSON has only in its escaped form.
  local text=${1//'\\'/$'\001'} pair='\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)' character
  text=${text//'\"'/'"'} text=${text//'\/'//}
  # Some characters come as two halves.
  while [[ $text =~ $pair ]]; do
    local high=0x${BASH_REMATCH[1]} low=0x${BASH_REMATCH[2]}
    printf -v character '\\U%08x' $((0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)))
    text=${text/"${BASH_REMATCH[0]}"/"$character"}
  done
  printf -v words %b "$text"
  words=${words//$'\001'/'\'}
}

# Calls a method with these members as parameters; the answer will have the number of the call.
call() { echo '{"jsonrpc":"2.0","id":'$((++calls))',"method":"'"$1"'","params":{'"$2"'}}' >&"$to"; }

# A signal that comes before there is a run to cancel waits for it.
cancel() { if [ -n "$run" ]; then call run/cancel "\"run\":\"$run\""; else wants_cancel=yes; fi; }

started() {
  [[ $1 =~ \"id\":$string ]] && run=${BASH_REMATCH[1]}
  if [ -n "$wants_cancel" ]; then cancel; fi
  changed "$1"
}

changed() { case $1 in *'"settled":"'*) call run/get "\"run\":\"$run\"" ;; esac; }

appended() {
  local rest=$1 text='"type": ?"text", ?"text": ?'$string
  while [[ $rest =~ $text ]]; do
    rest=${rest#*"${BASH_REMATCH[0]}"}
    unquote "${BASH_REMATCH[1]}"
    streamed+=$words && printf %s "$words"
  done
}

# The verdict does not wait for the stream, and an answer need not have been streamed at all.
finish() {
  words=''
  if [[ $1 =~ \"text\":$string,\"error\" ]]; then unquote "${BASH_REMATCH[1]}"; fi
  if [[ $words == "$streamed"* ]]; then echo "${words#"$streamed"}"; else printf '\n%s\n' "$words"; fi
  case $1 in *'"status":"succeeded"'*) exit 0 ;; *) exit 1 ;; esac
}

[ $# = 2 ] || fail 'usage: shell.sh PLUGIN PROMPT'
trap cancel INT
trap 'fail "the host has gone"' PIPE
# With job control it has a process group of its own: Ctrl-C does not reach it, cancelling is for us to do.
set -m; coproc host { exec "${REEVE:-reeve}" serve; }; set +m
exec {from}<&"${host[0]}" {to}>&"${host[1]}"
call run/start "\"plugin\":$(quote "$1"),\"prompt\":$(quote "$2"),\"cwd\":$(quote "$PWD"),\"subscribe\":true"
while read -r message <&"$from"; do
  case $message in
  *'"method":"run/appended"'*) appended "$message" ;;
  *'"method":"run/changed"'*) changed "$message" ;;
  *'"id":1,"result":'*) started "$message" ;;
  *'"result":{"run":'*) finish "$message" ;;
  *'"error":{'*) [[ $message =~ \"message\":$string ]] && unquote "${BASH_REMATCH[1]}" && fail "$words" ;;
  esac
done
fail 'the host has gone'
