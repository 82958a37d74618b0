import { execFile } from "node:child_process";
import { join } from "node:path";
import { cloneFolder } from "../e2e/stack";
import { cluster } from "./cluster-parts";

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `slipway image warm` in the local Kubernetes. */
export async function imageWarm(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { kubeconfig } = await cluster;
  const command = [join(cloneFolder, "dist/cli/main.js"), "image", "warm", ...args];
  const options = { env: { ...process.env, KUBECONFIG: kubeconfig, ...env } };
  return await new Promise((resolve) => {
    execFile(process.execPath, command, options, (error, stdout, stderr) =>
      resolve({ exitCode: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}
