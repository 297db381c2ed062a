// node hold.js COUNT AGENT: holds so many quiet children, says “ready” when each has said a line, ends with its input.
const { spawn } = require("child_process");
const [count, agent] = process.argv.slice(2);
const children = [];
let ready = 0;
const say = () => console.log("ready");
for (let i = 0; i < Number(count); i++) {
  const child = spawn(agent, ["quiet"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.once("data", () => { if (++ready === Number(count)) say(); });
  children.push(child);
}
if (Number(count) === 0) say();
process.stdin.resume().on("end", () => {
  for (const child of children) child.kill("SIGKILL");
  process.exit(0);
});
