import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findAptMirror } from "../../tools/local/apt-mirror.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-apt-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, ...lines: string[]): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `${lines.join("\n")}\n`);
}

test("a line of sources.list names the mirror of its suite", () => {
  write(
    "sources.list",
    "# deb http://commented.example/debian bookworm main",
    "deb-src http://sources.example/debian bookworm main",
    "deb http://security.example/debian-security bookworm-security main",
    "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm main contrib",
  );
  expect(findAptMirror("bookworm", folder)).toBe("http://mirror.example/debian");
  expect(findAptMirror("trixie", folder)).toBeUndefined();
});

test("a stanza of a .sources file names the mirror of its suites", () => {
  write(
    "sources.list.d/debian.sources",
    "Types: deb",
    "URIs: http://mirror.example/debian http://second.example/debian",
    "Suites: bookworm bookworm-updates",
    "Components: main",
    "",
    "Types: deb",
    "URIs: http://security.example/debian-security",
    "Suites: bookworm-security",
  );
  expect(findAptMirror("bookworm-updates", folder)).toBe("http://mirror.example/debian");
  expect(findAptMirror("bookworm-security", folder)).toBe("http://security.example/debian-security");
});

test("what apt does not use is not a mirror: sources only, switched off, or in a file of another kind", () => {
  write("sources.list.d/a.sources", "Types: deb-src", "URIs: http://a.example", "Suites: bookworm");
  write("sources.list.d/b.sources", "Enabled: no", "Types: deb", "URIs: http://b.example", "Suites: bookworm");
  write("sources.list.d/c.list.save", "deb http://c.example bookworm main");
  expect(findAptMirror("bookworm", folder)).toBeUndefined();
});

test("a machine without apt has no mirror", () => {
  expect(findAptMirror("bookworm", join(folder, "missing"))).toBeUndefined();
});
