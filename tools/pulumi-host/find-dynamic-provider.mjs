// Prints the path of Pulumi's dynamic provider: the one of the program, which the engine made our working directory,
// else this clone's.
import { createRequire } from "node:module";
import { join } from "node:path";

const name = "@pulumi/pulumi/cmd/dynamic-provider";
for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
  try {
    console.log(createRequire(from).resolve(name));
    process.exit(0);
  } catch {
    // Not there: the next one.
  }
}
console.error(`${name} is neither in ${process.cwd()} nor beside the local environment. Run npm ci.`);
process.exit(1);
