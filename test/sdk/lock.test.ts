import { describe, expect, test } from "vitest";
import {
  addToLock,
  EMPTY_LOCK,
  formatLock,
  listLockChanges,
  parseLock,
  replaceInLock,
  type Lock,
  type LockedBase,
} from "../../sdk/lock";
import { errorOf } from "./errors";

const python = "docker.io/library/python:3.11";
const node = "docker.io/library/node:22";
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

function base(index: string, platforms: Readonly<Record<string, string>>): LockedBase {
  const entries = Object.entries(platforms).map(([name, digit]) => [name, { digest: digestOf(digit) }]);
  return { digest: digestOf(index), platforms: Object.fromEntries(entries) };
}

const lock: Lock = {
  bases: {
    [python]: {
      digest: digestOf("a"),
      platforms: {
        "linux/arm64": { digest: digestOf("2") },
        "linux/amd64": { digest: digestOf("1"), config: { env: ["B=2", "A=1"], onbuild: ["COPY . /app"] } },
      },
    },
    [node]: base("b", { "linux/amd64": "3" }),
  },
};

const text = `{
  "version": 1,
  "bases": {
    "docker.io/library/node:22": {
      "digest": "${digestOf("b")}",
      "platforms": {
        "linux/amd64": {
          "digest": "${digestOf("3")}"
        }
      }
    },
    "docker.io/library/python:3.11": {
      "digest": "${digestOf("a")}",
      "platforms": {
        "linux/amd64": {
          "digest": "${digestOf("1")}",
          "config": {
            "env": [
              "B=2",
              "A=1"
            ],
            "onbuild": [
              "COPY . /app"
            ]
          }
        },
        "linux/arm64": {
          "digest": "${digestOf("2")}"
        }
      }
    }
  }
}
`;

test("a lock is sorted text with a value a line, whatever the order in which it was made", () => {
  expect(formatLock(lock)).toBe(text);
  expect(formatLock(EMPTY_LOCK)).toBe('{\n  "version": 1,\n  "bases": {}\n}\n');
});

test("what was written is read, also with the line ends and the mark of a Windows editor", () => {
  expect(parseLock(text, "images.lock.json")).toEqual(lock);
  expect(parseLock(`\uFEFF${text.replaceAll("\n", "\r\n")}`, "images.lock.json")).toEqual(lock);
});

describe("a file that is no lock is an error that says what is wrong:", () => {
  const parse = (changed: string) => () => parseLock(changed, "images.lock.json");

  test.each(["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"])("the conflict marker %s", (marker) => {
    const error = errorOf(parse(text.replace("{\n", `{\n${marker}\n`)));
    expect(error.message).toBe(
      `images.lock.json: line 2 is a marker of a merge conflict, "${marker}". ` +
        "Keep one side and run slipway lock FILE…: it adds what is missing then.",
    );
  });

  test("a newer version", () => {
    const newer = `{ "version": 2, "images": [] }`;
    expect(errorOf(parse(newer)).message).toBe(
      "images.lock.json: its version is 2, and this Slipway reads version 1. " +
        "A newer Slipway wrote it: update the package slipway here.",
    );
  });

  test.each([
    ["text that was cut off", text.slice(0, 40), "it is damaged: "],
    ["an empty file", "", "it is damaged: "],
    ["another value", "[]", "it is damaged: "],
    ["no version", '{ "bases": {} }', "it is damaged: version: "],
    ["a digest that is none", text.replace(digestOf("3"), "sha256:3"), "platforms.linux/amd64.digest: not a sha256"],
    ["a short reference", text.replace("docker.io/library/node", "node"), "node:22: not a reference in full"],
    ["a name that it does not know", text.replace('"env"', '"user"'), "config.env: "],
  ])("%s", (_what, changed, found) => {
    const { code, message } = errorOf(parse(changed));
    expect(code).toBe("LOCK_INVALID");
    expect(message).toMatch(/^images\.lock\.json: it is damaged: /);
    expect(message).toContain(found);
    expect(message).toContain("Take it from version control again (git checkout).");
  });
});

describe("adding", () => {
  test("brings new bases and keeps those of others", () => {
    const more: Lock = { bases: { [node]: base("b", { "linux/amd64": "3" }) } };
    expect(addToLock({ bases: { [python]: base("a", { "linux/amd64": "1" }) } }, more)).toEqual({
      bases: { [python]: base("a", { "linux/amd64": "1" }), ...more.bases },
    });
  });

  test("brings a platform of the same version, and a config", () => {
    const config = { env: ["A=1"], onbuild: [] };
    const before: Lock = { bases: { [python]: base("a", { "linux/amd64": "1" }) } };
    const more = base("a", { "linux/amd64": "1", "linux/arm64": "2" });
    const withConfig = { ...more.platforms, "linux/amd64": { digest: digestOf("1"), config } };
    const after = addToLock(before, { bases: { [python]: { ...more, platforms: withConfig } } });
    expect(after.bases[python]).toEqual({ digest: digestOf("a"), platforms: withConfig });
  });

  test("leaves a base as it is locked when it has moved since", () => {
    const before: Lock = { bases: { [python]: base("a", { "linux/amd64": "1" }) } };
    const moved: Lock = { bases: { [python]: base("c", { "linux/amd64": "4", "linux/arm64": "5" }) } };
    expect(addToLock(before, moved)).toEqual(before);
  });
});

test("replacing takes the newer version of a base with all its platforms, and keeps the others", () => {
  const newer = base("c", { "linux/amd64": "4" });
  expect(replaceInLock(lock, { bases: { [python]: newer } }).bases).toEqual({
    [node]: lock.bases[node],
    [python]: newer,
  });
});

test("the changes of an update are listed by reference and platform, with what was before", () => {
  const before: Lock = { bases: { [python]: base("a", { "linux/amd64": "1" }) } };
  const after: Lock = {
    bases: {
      [python]: base("c", { "linux/arm64": "5", "linux/amd64": "4" }),
      [node]: base("b", { "linux/amd64": "3" }),
    },
  };
  expect(listLockChanges(before, after)).toEqual([
    { reference: node, platform: "linux/amd64", to: digestOf("3") },
    { reference: python, platform: "linux/amd64", from: digestOf("1"), to: digestOf("4") },
    { reference: python, platform: "linux/arm64", to: digestOf("5") },
  ]);
  expect(listLockChanges(lock, lock)).toEqual([]);
  const onlyIndex: Lock = { bases: { [node]: base("c", {}) } };
  expect(parseLock(formatLock(onlyIndex), "images.lock.json")).toEqual(onlyIndex);
  expect(listLockChanges({ bases: { [node]: base("b", {}) } }, onlyIndex)).toEqual([
    { reference: node, platform: "any", from: digestOf("b"), to: digestOf("c") },
  ]);
});
