// One whole process that hashes a folder as a program does: bench/tree-hash.mjs FOLDER [CACHE]. Prints its highest memory.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { hashSource } = require("../dist/sdk/sources.js");
const { HashCache } = require("../dist/sdk/hash-cache.js");
const [source, folder] = process.argv.slice(2);
// An hour later: files that are younger than a minute are not kept.
const cache = folder === undefined ? undefined : new HashCache({ folder, nowMs: () => Date.now() + 3_600_000 });
/** @type {{ kind: "copyDir", source: string, destination: string, include: string[] }} */
const step = { kind: "copyDir", source: source ?? ".", destination: "/x", include: ["**"] };
const { tree } = await hashSource(step, process.cwd(), undefined, {}, cache);
console.log(JSON.stringify({ tree, memoryBytes: process.resourceUsage().maxRSS * 1024 }));
