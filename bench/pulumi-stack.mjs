// A Pulumi program in a folder of its own, its runs with their time and the memory of their processes.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const clone = fileURLToPath(new URL("..", import.meta.url));
const HIGHEST_MEMORY = /^VmHWM:\s+(\d+) kB$/m;

/**
 * @param {string} folder @param {string} program JavaScript @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} [packages] of ours that the program imports beside Slipway
 */
export function makeStack(folder, program, env, packages = []) {
  mkdirSync(join(folder, "node_modules/@pulumi"), { recursive: true });
  mkdirSync(join(folder, "state"));
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    "name: bench\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  writeFileSync(join(folder, "package.json"), `{ "name": "bench", "private": true, "main": "index.js" }`);
  writeFileSync(join(folder, "index.js"), program);
  symlinkSync(clone, join(folder, "node_modules/slipway"));
  for (const name of ["@pulumi/pulumi", ...packages]) {
    symlinkSync(join(clone, "node_modules", name), join(folder, "node_modules", name));
  }
  const stack = { folder, env: { ...process.env, ...env, PULUMI_BACKEND_URL: `file://${join(folder, "state")}` } };
  const made = spawnSync("pulumi", ["stack", "init", "dev", "--non-interactive"], {
    cwd: folder,
    env: stack.env,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(made.stderr);
  return stack;
}

/**
 * One run, as a user types it. What it says must have the expected text. CPU time is that of all its processes: other
 * work on the machine changes it less than the time.
 * @param {ReturnType<typeof makeStack>} stack @param {"preview" | "up"} command
 * @param {{ isWatched?: boolean, expected?: string }} [options] whether to look at the memory of its processes
 */
export async function run({ folder, env }, command, { isWatched = false, expected = "" } = {}) {
  const args = [command, "--stack", "dev", "--non-interactive", "--color", "never"];
  const start = performance.now();
  const timing = 'TIMEFORMAT="cpu seconds: %U %S"; time pulumi "$@"';
  const child = spawn("bash", ["-c", timing, "bash", ...args, ...(command === "up" ? ["--yes"] : [])], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
  const memory = { programBytes: 0, providerBytes: 0 };
  const timer = isWatched ? setInterval(() => readMemory(child.pid ?? 0, memory), 100) : undefined;
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  const ms = performance.now() - start;
  if (code !== 0 || !text.includes(expected)) throw new Error(`pulumi ${command}: exit code ${String(code)}\n${text}`);
  const [, user, system] = /^cpu seconds: (\S+) (\S+)$/m.exec(text) ?? [];
  return { ms, cpuMs: (Number(user) + Number(system)) * 1000, ...memory };
}

/** The highest memory so far of the run's program and of its provider. @param {number} root @param {{ programBytes: number, providerBytes: number }} memory */
function readMemory(root, memory) {
  for (const pid of descendants(root)) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const bytes = Number(HIGHEST_MEMORY.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
      if (command.includes("cmd/dynamic-provider")) memory.providerBytes = Math.max(memory.providerBytes, bytes);
      else if (command.includes("cmd/run")) memory.programBytes = Math.max(memory.programBytes, bytes);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** @param {number} root */
function descendants(root) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
