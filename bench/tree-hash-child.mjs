// One whole process that hashes a folder as a program does: bench/tree-hash.mjs FOLDER. Prints its highest memory.
import { createRequire } from "node:module";

const { hashSource } = createRequire(import.meta.url)("../dist/sdk/sources.js");
const step = { kind: "copyDir", source: process.argv[2], destination: "/x", include: ["**"] };
const { tree } = await hashSource(step, process.cwd());
console.log(JSON.stringify({ tree, memoryBytes: process.resourceUsage().maxRSS * 1024 }));
