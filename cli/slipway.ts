import type { CommandDef } from "citty";
import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { Terminal } from "./terminal";

/** All commands. Each is loaded when it is asked for: what one needs costs the others nothing. */
export function slipway(terminal: Terminal): CommandDef {
  return {
    meta: () => ({
      name: "slipway",
      version: readVersion(),
      description: "Container images as code: hashed by their content, built when it changes.",
    }),
    subCommands: {
      lock: async () => (await import("./lock.js")).lock(terminal),
      image: {
        meta: { name: "image", description: "Work with the images that a TypeScript or JavaScript file exports." },
        subCommands: {
          hash: async () => (await import("./image-hash.js")).imageHash(terminal),
          dockerfile: async () => (await import("./image-dockerfile.js")).imageDockerfile(terminal),
          build: async () => (await import("./image-build.js")).imageBuild(terminal),
          warm: async () => (await import("./image-warm.js")).imageWarm(terminal),
        },
      },
    },
  };
}

const packageSchema = v.object({ version: v.string() });

function readVersion(): string {
  const text = readFileSync(require.resolve("slipway/package.json"), "utf8");
  return v.parse(v.pipe(v.string(), v.parseJson(), packageSchema), text).version;
}
