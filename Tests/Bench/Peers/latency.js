// node latency.js exit|final|first COUNT AGENT [FILE]: microseconds, median.
//   exit: from the child's stamp in FILE to 'exit'; final: from the stamp in a line to having parsed the line;
//   first: from spawn to having parsed the first line.
const { spawn } = require("child_process");
const { readFileSync } = require("fs");
const [what, count, agent, file] = process.argv.slice(2);
const spans = [];
const now = () => Number(process.hrtime.bigint());
function next() {
  if (spans.length === Number(count)) {
    console.log(spans.sort((a, b) => a - b)[count >> 1] / 1000);
    return;
  }
  const begin = now();
  const words = { exit: ["stamp-exit", file], final: ["final"], first: ["hello"] }[what];
  const child = spawn(agent, words, { stdio: ["ignore", what === "exit" ? "ignore" : "pipe", "ignore"] });
  child.stdout?.on("data", (chunk) => {
    const event = JSON.parse(chunk);
    spans.push(now() - (what === "final" ? event.output : begin));
  });
  child.on("exit", () => {
    if (what === "exit") spans.push(now() - Number(readFileSync(file).readBigInt64LE()));
    else return;
    next();
  });
  child.on("close", () => { if (what !== "exit") next(); });
}
next();
