#!/usr/bin/env node
// Runs a plugin through `reeve serve` and prints what the agent says: node.mjs PLUGIN PROMPT
//
// Needs nothing but Node 18. Ctrl-C cancels the run. Exits with 0 if it succeeded, else with 1.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

// A host of our own: it ends when its stdin is closed, which is also what happens when we die.
class Client {
  #calls = 0;
  #pending = new Map();

  constructor(onNotification) {
    // In a session of its own, Ctrl-C on our terminal does not reach it: cancelling is for us to do.
    this.host = spawn(process.env.REEVE ?? 'reeve', ['serve'], {
      stdio: ['pipe', 'pipe', 'inherit'], detached: true,
    });
    // Rejects when the host cannot be started or has gone.
    this.gone = new Promise((_, reject) => {
      this.host.on('error', reject);
      this.host.stdin.on('error', reject);
      createInterface({ input: this.host.stdout })
        .on('line', (line) => this.#take(JSON.parse(line), onNotification))
        .on('close', () => reject(new Error('the host has gone')));
    });
  }

  #take({ id, method, params, result, error }, onNotification) {
    if (method) return onNotification(method, params);
    const { resolve, reject } = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  call(method, params) {
    const id = ++this.#calls;
    this.host.stdin.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }) + '\n');
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    return Promise.race([answer, this.gone]);
  }
}

async function main(plugin, prompt) {
  let streamed = '';
  let settle;
  const settled = new Promise((resolve) => { settle = resolve; });
  const client = new Client((method, params) => {
    if (method === 'run/changed' && params.run.settled) settle();
    if (method !== 'run/appended') return;
    for (const event of params.events) {
      if (event?.type !== 'text') continue;
      streamed += event.text;
      process.stdout.write(event.text);
    }
  });
  const started = client.call('run/start', { plugin, prompt, cwd: process.cwd(), subscribe: true });
  // A signal that comes before there is a run to cancel waits for it. What goes wrong here goes wrong below as well.
  process.on('SIGINT', () => started.then(({ run }) => client.call('run/cancel', { run: run.id })).catch(() => {}));
  const { id, settled: isOver } = (await started).run;
  if (!isOver) await Promise.race([settled, client.gone]);
  // The verdict does not wait for the stream, and an answer need not have been streamed at all.
  const { run } = await client.call('run/get', { run: id });
  const answer = run.text ?? '';
  console.log(answer.startsWith(streamed) ? answer.slice(streamed.length) : '\n' + answer);
  if (run.status !== 'succeeded') throw new Error(`${run.status}: ${run.error ?? run.reason}`);
  client.host.stdin.end();
}

const words = process.argv.slice(2);
(words.length === 2 ? main(...words) : Promise.reject(new Error('usage: node.mjs PLUGIN PROMPT')))
  .then(() => 0, (error) => { console.error(error.message); return 1; })
  .then((code) => process.exit(code));
