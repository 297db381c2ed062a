#!/bin/sh
# Plays an agent at work: thinks, uses a tool, answers. Speaks Reeve's native dialect, one JSON object a line.

say() { printf '{"type":"text","text":"%s"}\n' "$1"; }

say 'Let me look around.\n'
sleep 0.3
printf '{"type":"tool","id":"t1","name":"uname","state":"started"}\n'
system=$(uname -sr)
sleep 0.3
printf '{"type":"tool","id":"t1","name":"uname","state":"finished","ok":true}\n'
printf '{"type":"progress","message":"almost there","done":1,"total":2}\n'
sleep 0.3
say "This is $system, "
sleep 0.2
say 'and this is how an agent looks from here.\n'
printf '{"type":"usage","input_tokens":12,"output_tokens":34,"cost_usd":0.0005}\n'
printf '{"type":"session","id":"demo-1"}\n'
printf '{"type":"result","status":"ok","output":{"system":"%s"}}\n' "$system"
