// npm run quickstart: from a fresh clone to a real image, built by `pulumi up` and run once.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startCluster, startEnvironment, stopEnvironment } from "./environment.mjs";
import { cloneFolder, cloneStateFolder } from "./local/folders.mjs";
import { withLock } from "./local/lock.mjs";
import { prepareClone } from "./local/prepare-clone.mjs";
import { Problem, describe } from "./local/problem.mjs";
import { readOutputs, selectStack, up } from "./local/pulumi-run.mjs";
import { runImage } from "./local/run-image.mjs";
import { warmUp } from "./local/warm-up.mjs";

const usage = `npm run quickstart               start the local environment, build the example's image, run it
npm run quickstart -- --cluster  the same, with a Kubernetes of two nodes on this machine (Linux, root),
                                 a warm pool on both and a sandbox
npm run quickstart -- --stop     stop what was started on this machine; images and caches stay
npm run quickstart -- --help     this text

What the machine has is taken: a Docker engine with buildx, a Pulumi CLI, a registry at localhost:5000.
What is missing is built from pinned Go modules (some minutes, once). tools/README.md tells more.
Afterwards: eval "$(npm run -s env)" gives a shell in which pulumi and slipway work by hand.`;

const start = performance.now();
/** @param {string} title */
const section = (title) => console.log(`\n── ${title} (${Math.round((performance.now() - start) / 1000)} s)`);
/** @param {string} line */
const log = (line) => console.log(line);

async function main() {
  const values = readFlags();
  if (values.help) return console.log(usage);
  if (values.stop) return stop();

  requireNode();
  section("The clone");
  await prepareClone(log);
  const cluster = values.cluster ? await takeCluster() : undefined;
  section("The local environment");
  const { env } = await startEnvironment({ log });
  // A stack is changed by one at a time.
  const lock = join(cloneStateFolder, "quickstart.lock");
  const hints = await withLock(lock, log, async (share) => {
    await upTwice(env, share);
    return cluster === undefined ? "" : await warmUp({ cluster, env, share, section, log });
  });

  section("Done");
  console.log(`Change examples/quickstart/ and start this again, or work by hand:\n
  eval "$(npm run -s env)"
  pulumi preview${hints}
  npm run quickstart -- --stop`);
}

/** @param {Record<string, string>} env @param {(pid: number) => void} share */
async function upTwice(env, share) {
  const program = { folder: cloneFolder, env: { ...process.env, ...env } };
  section("pulumi up: builds and pushes what is new");
  await selectStack("dev", program);
  await up(program, [], share);
  const { uri, ref } = await readOutputs(program, ["uri", "ref"]);
  section("The image");
  console.log(`uri  ${uri}\nref  ${ref}`);

  section("A container of it");
  await runImage({ ref, builder: env["SLIPWAY_BUILDER"] ?? "", log });

  section("pulumi up again: nothing changed, nothing is built");
  await up(program, ["--skip-preview", "--expect-no-changes"], share);
}

async function takeCluster() {
  section("Kubernetes, two nodes: built from Go modules where it is missing, some minutes once");
  const cluster = await startCluster({ log });
  const state = cluster.started.length === 0 ? "running already" : `started ${cluster.started.join(", ")}`;
  log(`cluster   ${cluster.took}; ${state}`);
  log(`          KUBECONFIG=${cluster.kubeconfig}`);
  return cluster;
}

function readFlags() {
  /** @type {import("node:util").ParseArgsConfig["options"]} */
  const options = {
    cluster: { type: "boolean" },
    stop: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  try {
    return parseArgs({ options }).values;
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new Problem({ doing: "Reading the command line", found, todo: usage, cause });
  }
}

async function stop() {
  const stopped = await stopEnvironment({ log });
  console.log(
    stopped.length === 0 ? "Nothing of ours was running." : stopped.map((one) => `stopped ${one}`).join("\n"),
  );
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 12)) return;
  throw new Problem({
    doing: "Checking Node",
    found: `this is Node ${process.versions.node}, Slipway needs 20.12 or newer`,
    todo: "Install a newer Node (https://nodejs.org) and start again.",
  });
}

main().catch((/** @type {unknown} */ error) => {
  console.error(`\n${describe(error)}`);
  process.exitCode = 1;
});
