import { spawnSync } from "node:child_process";

/** Whether binutils of both architectures are there. */
export const hasAssemblers = ["x86_64-linux-gnu-as", "aarch64-linux-gnu-as"].every(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
