import { accessSync, chmodSync, constants, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { makeTemporaryFolder } from "./stack";

/** A machine without BuildKit: no daemon answers, and whoever starts buildx, docker or buildctl is noted. */
export interface NoBuildkit {
  readonly env: NodeJS.ProcessEnv;
  /** What was started all the same. */
  started(): readonly string[];
}

export function withoutBuildkit(): NoBuildkit {
  const folder = makeTemporaryFolder();
  const notes = join(folder, "started.txt");
  for (const name of ["buildx", "docker", "buildctl", "buildkitd"]) {
    writeScript(join(folder, name), `echo "${name} $*" >> "${notes}"\nexit 1`);
  }
  for (const name of ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]) {
    const found = findOnPath(name);
    if (found !== undefined) symlinkSync(found, join(folder, name));
  }
  const rest = (process.env["PATH"] ?? "").split(delimiter).filter((path) => !existsSync(join(path, "buildx")));
  return {
    env: { PATH: [folder, ...rest].join(delimiter), SLIPWAY_BUILDER: `unix://${join(folder, "nobody.sock")}` },
    started: () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []),
  };
}

/** A PATH on which buildx is the real one and writes its process id into a file, and its arguments into another. */
export function withNotedBuildx(): {
  readonly env: NodeJS.ProcessEnv;
  readonly pids: () => readonly number[];
  readonly args: () => string;
} {
  const folder = makeTemporaryFolder();
  const notes = join(folder, "pids.txt");
  const real = findOnPath("buildx");
  const command = real === undefined ? `docker buildx "$@"` : `"${real}" "$@"`;
  writeScript(join(folder, "buildx"), `echo $$ >> "${notes}"\nprintf '%s\\n' "$@" >> "${notes}.args"\nexec ${command}`);
  return {
    env: { PATH: [folder, process.env["PATH"] ?? ""].join(delimiter) },
    pids: () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n").map(Number) : []),
    args: () => (existsSync(`${notes}.args`) ? readFileSync(`${notes}.args`, "utf8") : ""),
  };
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function findOnPath(name: string): string | undefined {
  const paths = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
