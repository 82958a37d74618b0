import { spawn } from "node:child_process";

/** Waits for a line; an end without one is the end of the process that has the other side of the pipe. */
const SCRIPT = `read -r line && exit; kill -TERM "$1"; sleep 3; kill -KILL "$1"`;

/**
 * Ends a child when this process is gone, however it went: nobody can clean up after a kill -9, and buildx itself goes
 * on as long as it has nothing to print.
 *
 * @returns to be called when the child has ended
 */
export function guardChild(pid: number | undefined): () => void {
  // Windows has no such shell, and ends children otherwise.
  if (pid === undefined || process.platform === "win32") return () => undefined;
  // A group of its own: what ends this process's group must not end the guard.
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "slipway-guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no guard, which is no reason not to build.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  return () => guard.stdin.end("ended\n");
}
