import { expect, test } from "vitest";
import { runCommand, tryCommand } from "../../tools/local/command.mjs";

test("a command's result is its code, its stdout, and both streams together", async () => {
  const result = await tryCommand("sh", ["-c", "echo out; echo err >&2; exit 3"]);
  expect(result.code).toBe(3);
  expect(result.stdout).toBe("out\n");
  expect(result.output.split("\n").sort()).toEqual(["", "err", "out"]);
});

test("a command that does not exist is a result, not an exception", async () => {
  const { code, output } = await tryCommand("slipway-no-such-command", []);
  expect(code).toBeUndefined();
  expect(output).toContain("ENOENT");
});

test("a time limit holds also when a child of the command keeps its output open", async () => {
  const start = performance.now();
  const { code, stdout } = await tryCommand("sh", ["-c", "echo begun; sleep 3 & wait"], { timeoutMs: 300 });
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(code).toBeUndefined();
  expect(stdout).toBe("begun\n");
});

test("a character that arrives in two pieces stays one", async () => {
  const { stdout } = await tryCommand("sh", ["-c", String.raw`printf '\342'; sleep 0.1; printf '\206\222'`]);
  expect(stdout).toBe("→");
});

test("a failure names the command, its last lines and what to do", async () => {
  const failure = runCommand("sh", ["-c", "echo the reason >&2; exit 4"], { todo: "Do this." });
  await expect(failure).rejects.toThrow(
    "Running sh -c echo the reason >&2; exit 4: exit code 4\n  | the reason\nDo this.",
  );
});
