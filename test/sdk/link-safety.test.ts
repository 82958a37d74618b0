import { describe, expect, it } from "vitest";
import { isLinkSafe } from "../../sdk/link-safety";
import type { ResolvedStep } from "../../sdk/spec";
import type { CopyDirStep, CopyFileStep } from "../../sdk/step";

const dir = (destination: string): CopyDirStep => ({ kind: "copyDir", source: "x", destination });
const file = (destination: string): CopyFileStep => ({ kind: "copyFile", source: "x", destination });
const run = (command: string): ResolvedStep => ({ kind: "run", command });
const workdir = (path: string): ResolvedStep => ({ kind: "workdir", path });
const lines = (...commands: string[]): ResolvedStep => ({ kind: "dockerfile", commands });

describe("isLinkSafe", () => {
  it.each(["/app", "/opt/tool", "/srv/a/b", "/usr/src/app", "/usr/share/app", "/binary"])(
    "links a copy to %s",
    (path) => {
      expect(isLinkSafe(dir(path), [])).toBe(true);
    },
  );

  it.each([
    "/",
    "/bin",
    "/bin/x",
    "/sbin/x",
    "/lib64/x",
    "/etc/x",
    "/tmp/x",
    "/root/x",
    "/home/w/x",
    "/var/run/x",
    "/usr/local/x",
    "/usr",
  ])("does not link a copy to the system's %s", (path) => {
    expect(isLinkSafe(dir(path), [])).toBe(false);
  });

  it("links a file to the root itself, which no step can own", () => {
    expect(isLinkSafe(file("/x"), [run("chown worker /x")])).toBe(true);
  });

  it.each<[string, ResolvedStep[]]>([
    ["a command names the folder", [run("chown -R worker /app")]],
    ["a Dockerfile line names the folder", [lines("VOLUME /app/data")]],
    ["a command changes the folder that it runs in", [workdir("/app"), run("chown -R worker .")]],
    ["a command changes a folder below, that it runs in", [workdir("/app/data"), run("chmod 700 .")]],
    ["a Dockerfile line changes the folder that it runs in", [workdir("/app"), lines("RUN chown -R worker .")]],
    ["a command makes a link there", [workdir("/app"), run("ln -s /data data")]],
    [
      "another user runs something in the folder",
      [lines("USER worker"), lines("RUN true"), workdir("/app"), run("make")],
    ],
    ["another user makes the folder", [{ kind: "user", user: "worker" }, workdir("/app")]],
    ["a variable names the folder", [{ kind: "env", variables: { APP: "/app" } }, run("install -d -o worker ${APP}")]],
    ["a command changes it by a path from the root", [workdir("/"), run("chown worker app")]],
    ["a command changes something where the base's workdir is", [run("chown -R worker .")]],
    [
      "pip installs there",
      [{ kind: "pip", packages: ["a"], installer: "pip", extraOptions: ["--target", "/app/lib"] }],
    ],
  ])("does not link when %s", (_, before) => {
    expect(isLinkSafe(file("/app/x"), before)).toBe(false);
  });

  it.each<[string, ResolvedStep[]]>([
    ["users are added", [lines("RUN useradd -m worker", "USER worker")]],
    ["root makes the folder", [workdir("/app"), { kind: "user", user: "worker" }]],
    [
      "packages are installed",
      [
        { kind: "pip", packages: ["a"], installer: "pip" },
        { kind: "apt", packages: ["b"] },
      ],
    ],
    ["another folder is changed", [workdir("/srv"), run("chown worker .")]],
    ["something is made there", [workdir("/app"), run("make")]],
  ])("links when %s", (_, before) => {
    expect(isLinkSafe(file("/app/x"), before)).toBe(true);
  });
});
