// node ingest.js parse|record LINES K AGENT WORD FOLDER: reads K agents to their ends; seconds.
//   parse: chunks are split at newlines and each line parsed, and that is all.
//   record: each chunk is also appended to a file, and each line written to stdout for a subscriber.
const { spawn } = require("child_process");
const { openSync, closeSync, writeSync } = require("fs");
const [what, lines, agents, agent, word, folder] = process.argv.slice(2);
const begin = process.hrtime.bigint();
let seen = 0, alive = Number(agents);

// A pipe that is full says so, also to a blocking writer whose reader is another program's event loop.
function writeAll(file, bytes) {
  for (let at = 0; at < bytes.length;) {
    try { at += writeSync(file, bytes, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
  }
}

for (let i = 0; i < Number(agents); i++) {
  const file = what === "record" ? openSync(`${folder}/node-${i}`, "w", 0o600) : undefined;
  let rest = "";
  const child = spawn(agent, [word, lines], { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.on("data", (chunk) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop();
    for (const line of parts) if (JSON.parse(line).type !== undefined) seen++;
    if (file === undefined) return;
    writeAll(file, chunk);
    if (parts.length > 0) writeAll(1, Buffer.from(parts.join("\n") + "\n"));
  });
  child.on("close", () => {
    if (file !== undefined) closeSync(file);
    if (--alive > 0) return;
    if (seen !== lines * agents) throw new Error(`${seen} lines`);
    writeAll(1, Buffer.from(`${Number(process.hrtime.bigint() - begin) / 1e9}\n`));
  });
}
