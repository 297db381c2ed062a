// node spawn.js COUNT K: whole lives of /bin/true, K in flight; runs a second.
const { spawn } = require("child_process");
const [count, inFlight] = process.argv.slice(2).map(Number);
const begin = process.hrtime.bigint();
let started = 0, ended = 0;
function next() {
  if (started === count) return;
  started++;
  spawn("/bin/true", { stdio: "ignore" }).on("exit", (code) => {
    if (code !== 0) throw new Error(`a child failed: ${code}`);
    if (++ended === count) console.log(count * 1e9 / Number(process.hrtime.bigint() - begin));
    next();
  });
}
for (let i = 0; i < inFlight; i++) next();
