// moto, AWS on one machine, from PyPI: installed once for each set of pinned versions.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.mjs";
import { startDaemon } from "./daemon.mjs";
import { cacheFolder, makeFolder } from "./folders.mjs";
import { withLock } from "./lock.mjs";
import { anyFreePort } from "./registry.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

const requirements = fileURLToPath(new URL("../ecr/requirements.txt", import.meta.url));
const server = fileURLToPath(new URL("../ecr/moto_ecr.py", import.meta.url));

/** @param {{ folder: string, log: Log }} options @returns {Promise<import("./daemon.mjs").DaemonRecord>} address is an origin */
export async function runMoto({ folder, log }) {
  const python = await installMoto(log);
  const port = await anyFreePort();
  const origin = `http://127.0.0.1:${port}`;
  return startDaemon({
    name: "moto",
    folder: makeFolder(folder),
    command: python,
    args: [server, "-H", "127.0.0.1", "-p", String(port)],
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    address: origin,
    fingerprint: python,
    isReady: () => isMoto(origin),
  });
}

/** @param {Log} log @returns {Promise<string>} its Python */
async function installMoto(log) {
  const version = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = join(makeFolder(join(cacheFolder(), "moto")), version);
  const python = join(folder, "bin", "python");
  const mark = join(folder, "complete");
  if (existsSync(mark)) return python;
  await withLock(`${folder}.lock`, log, async () => {
    if (existsSync(mark)) return;
    log("  … installing moto from PyPI, 140 MB, once");
    await runCommand("python3", ["-m", "venv", "--clear", folder], {
      todo: "ECR's tests need Python 3.10 or newer with venv.",
    });
    await runCommand(python, ["-m", "pip", "install", "--quiet", "--requirement", requirements], {
      todo: "ECR's tests install moto from PyPI.",
    });
    writeFileSync(mark, "");
  });
  return python;
}

/** @param {string} origin */
async function isMoto(origin) {
  try {
    return (await fetch(`${origin}/moto-api/data.json`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
