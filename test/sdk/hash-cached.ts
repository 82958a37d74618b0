// node jiti-cli.mjs hash-cached.ts TREE CACHE: hashes a tree many times, forgetting now and then what is known.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashTree } from "../../sdk/files";
import { HashCache } from "../../sdk/hash-cache";
import { listTree } from "../../sdk/list-tree";

const ROUNDS = 20;

async function main([tree = "", folder = ""]: readonly string[]): Promise<void> {
  const nowMs = (): number => Date.now() + 3_600_000;
  const cache = new HashCache({ folder, nowMs, isTrusted: () => true }).of("tree");
  for (let round = 0; round < ROUNDS; round += 1) {
    console.log(await hashTree(await listTree(tree), {}, cache));
    const names = round % 2 === 0 ? readdirSync(folder) : [];
    for (const name of names.filter((own) => /^[0-9a-f]{64}$/.test(own))) rmSync(join(folder, name), { force: true });
  }
}

void main(process.argv.slice(2));
