import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where buildx is stopped until something was done: before anything is read, or after so many bytes were sent. */
export type PausePoint = "before reading" | { readonly afterBytes: number };

/**
 * Stands on PATH before the real buildx and stops at one point of a build. It goes on as the real one, under the same
 * process id.
 */
export class PausingBuildx {
  readonly env: NodeJS.ProcessEnv;
  readonly #control: string;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    const folders = (env["PATH"] ?? "").split(delimiter);
    const real = folders.map((bin) => join(bin, "buildx")).find((path) => existsSync(path));
    if (real === undefined) throw new Error("buildx is not on PATH: run the test in the local environment");
    this.#control = join(folder, "control");
    mkdirSync(join(folder, "bin"), { recursive: true });
    writeFileSync(join(folder, "bin/buildx"), script(this.#control, real));
    chmodSync(join(folder, "bin/buildx"), 0o755);
    this.env = { ...env, PATH: [join(folder, "bin"), ...folders].join(delimiter) };
  }

  /** The next build stops there; without a point it does not. */
  arm(point?: PausePoint): void {
    rmSync(this.#control, { recursive: true, force: true });
    mkdirSync(this.#control);
    const at = point === undefined ? "nowhere" : point === "before reading" ? "create" : String(point.afterBytes);
    writeFileSync(join(this.#control, "at"), at);
  }

  /** Does something while the build stops; `build` is what may end before, and then it is `false`. */
  async whilePaused(build: Promise<unknown>, act: () => void): Promise<boolean> {
    let hasEnded = false;
    const ended = build.catch(() => undefined).then(() => (hasEnded = true));
    while (!hasEnded && !existsSync(join(this.#control, "reached"))) await Promise.race([ended, sleep(2)]);
    const isPaused = existsSync(join(this.#control, "reached"));
    if (isPaused) act();
    writeFileSync(join(this.#control, "go"), "");
    return isPaused;
  }
}

/** `create` comes after the files were listed, and before any is read. */
const script = (control: string, real: string) => `#!/bin/sh
at=$(cat '${control}/at')
pause() { : >'${control}/reached'; while [ ! -e '${control}/go' ]; do sleep 0.002; done; }
case "$1:$at" in
create:create) pause ;;
build:[0-9]*)
  mkfifo '${control}/pipe'
  exec 3<&0
  { head -c "$at"; pause; exec cat; } <&3 3<&- >'${control}/pipe' 2>/dev/null &
  exec '${real}' "$@" <'${control}/pipe' 3<&- ;;
esac
exec '${real}' "$@"
`;
