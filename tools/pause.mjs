// node tools/pause.mjs: assembles provider/pause/*.s and provider/copier/*.s into the binaries.json beside them, which the
// package ships.
// Needs GNU binutils for both architectures (Debian: binutils binutils-aarch64-linux-gnu).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./local/command.mjs";
import { cloneFolder } from "./local/folders.mjs";

/** @param {"pause" | "copier"} name */
const sourcesOf = (name) => join(cloneFolder, "provider", name);
/** The prefix of each architecture's tools. */
const prefixes = Object.freeze({ amd64: "x86_64-linux-gnu-", arm64: "aarch64-linux-gnu-" });

/**
 * @param {"pause" | "copier"} name
 * @returns {Promise<Record<string, string>>} base64 of each architecture's executable
 */
export async function assemble(name) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-assemble-"));
  try {
    /** @type {Record<string, string>} */
    const binaries = {};
    for (const [architecture, prefix] of Object.entries(prefixes)) {
      const [object, linked] = [join(folder, `${architecture}.o`), join(folder, `${architecture}.elf`)];
      const file = join(folder, architecture);
      await runCommand(`${prefix}as`, ["-o", object, join(sourcesOf(name), `${architecture}.s`)]);
      // The source holds its own ELF header: what the linker adds is left away.
      await runCommand(`${prefix}ld`, ["-Ttext=0x400000", "-e", "0x400000", "-o", linked, object]);
      await runCommand(`${prefix}objcopy`, ["-O", "binary", "-j", ".text", linked, file]);
      binaries[architecture] = readFileSync(file).toString("base64");
    }
    return binaries;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of /** @type {const} */ (["pause", "copier"])) {
    const binaries = await assemble(name);
    writeFileSync(join(sourcesOf(name), "binaries.json"), `${JSON.stringify(binaries, null, 2)}\n`);
    for (const [architecture, base64] of Object.entries(binaries))
      console.log(`${name} ${architecture} ${Buffer.from(base64, "base64").length} bytes`);
  }
}
