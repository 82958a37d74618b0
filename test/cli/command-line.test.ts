import { expect, test } from "vitest";
import { runCommandLine } from "../../cli/command-line";
import { slipway } from "../../cli/slipway";
import { version } from "../../package.json";
import { fakeTerminal } from "./fake-terminal";

async function run(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const exitCode = await runCommandLine(slipway(terminal), args, terminal);
  return { exitCode, stdout: terminal.stdout(), stderr: terminal.stderr() };
}

test("--version prints the package's version", async () => {
  expect(await run("--version")).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: "" });
});

test.each([
  { words: ["image", "hash"], example: "slipway image hash images.ts#api" },
  { words: ["image", "dockerfile"], example: "slipway image dockerfile images.ts#api" },
  { words: ["image", "build"], example: "slipway image build 'services/*/images.ts#*' --shard 3/8" },
])("the help of $words tells the flags and an example", async ({ words, example }) => {
  const { exitCode, stdout } = await run(...words, "--help");
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`USAGE slipway ${words.join(" ")} [OPTIONS] <FILE#EXPORT>`);
  expect(stdout).toContain("--platform=<os/architecture>");
  expect(stdout).toContain("--json");
  expect(stdout).toContain(`EXAMPLE\n\n  ${example}`);
  expect(stdout).not.toContain("\x1b");
});

test("the help of lock tells how its words are read, and an example", async () => {
  const { exitCode, stdout } = await run("lock", "--help");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("USAGE slipway lock [OPTIONS] [FILE]");
  for (const flag of ["--platform=<os/architecture>", "--upgrade", "--check", "--json"]) expect(stdout).toContain(flag);
  expect(stdout).toContain("EXAMPLE\n\n  slipway lock images.ts");
});

test("the help of a group lists its commands", async () => {
  expect((await run("image", "-h")).stdout).toMatch(/hash .*\n +dockerfile .*\n +build /);
});

test.each([
  { args: [], message: "slipway: a command is missing. Known are image, lock. See slipway --help." },
  {
    args: ["image"],
    message: "slipway image: a command is missing. Known are build, dockerfile, hash, warm. See slipway image --help.",
  },
  { args: ["toString"], message: "slipway: there is no command toString. Known are image, lock. See slipway --help." },
  {
    args: ["image", "hash"],
    message: "slipway image hash: Missing required positional argument: FILE#EXPORT. See slipway image hash --help.",
  },
  {
    args: ["image", "hash", "a.ts", "--repository", "x"],
    message: "slipway image hash: Unknown option '--repository'. See slipway image hash --help.",
  },
  {
    args: ["image", "hash", "a.ts", "--platform"],
    message: "slipway image hash: Option '--platform <value>' argument missing. See slipway image hash --help.",
  },
  {
    args: ["image", "dockerfile", "a.ts", "b.ts"],
    message: "b.ts: there is one image too many. Give one FILE#EXPORT; slipway image hash and build take several.",
  },
  {
    args: ["image", "hash", "a.ts", "--shard", "4/3"],
    message: '--shard "4/3" cannot be read. Write which part, and of how many: 3/8. The first is 1.',
  },
  {
    args: ["image", "hash", "gone.ts", "a.ts#"],
    message: '"a.ts#": half of it is missing. Write FILE#EXPORT, for example images.ts#api, or FILE alone.',
  },
  {
    args: ["image", "build", "a.ts", "--repository", "images"],
    message:
      '--repository: repository "images": it names no registry host. Write <host>/<path>, for example localhost:5000/images.',
  },
])("$args is a wrong command line", async ({ args, message }) => {
  expect(await run(...args)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
});

test("an unknown platform is a wrong command line", async () => {
  const { exitCode, stderr } = await run("image", "hash", "a.ts", "--platform", "linux");
  expect(exitCode).toBe(2);
  expect(stderr).toContain('error: --platform: platforms: "linux" is not a platform.');
});

test("with --json an error is JSON on stdout, too", async () => {
  const { exitCode, stdout, stderr } = await run("image", "hash", "gone.ts", "--json");
  const hint = "Give a TypeScript or JavaScript file that exports an Image; paths are relative to the current folder.";
  const message = `gone.ts: there is no such file (looked in /). ${hint}`;
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toEqual({ image: "gone.ts", error: { code: "PROGRAM_FILE", message, hint } });
  expect(stderr).toBe(`error: ${message}\n`);
});

test("what is no error of Slipway's shows its stack", async () => {
  const terminal = fakeTerminal();
  const root = {
    run: () => {
      throw new TypeError("a bug");
    },
  };
  expect(await runCommandLine(root, [], terminal)).toBe(1);
  expect(terminal.stderr()).toMatch(/^error: TypeError: a bug\n +at .*command-line\.test\.ts:\d+/);
  expect(terminal.stdout()).toBe("");
});
