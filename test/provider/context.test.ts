import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { extract, type Header } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sendContext, type ContextPart } from "../../provider/context";
import { hashTree } from "../../sdk/files";
import { listTree } from "../../sdk/list-tree";
import { expectCode } from "../fakes/registry-contract";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-context-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Received {
  readonly header: Header;
  readonly text: string;
}

/** What a tar holds, as its reader gets it. */
async function readTar(bytes: Buffer): Promise<ReadonlyMap<string, Received>> {
  const entries = new Map<string, Received>();
  const reader = extract();
  reader.end(bytes);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    entries.set(entry.header.name.replace(/\/$/, ""), {
      header: entry.header,
      text: Buffer.concat(chunks).toString("utf8"),
    });
  }
  return entries;
}

/** A receiver that takes one chunk at a time, and does something at the first one. */
function makeReceiver(onFirst: (receiver: Writable) => void = () => undefined) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      if (chunks.length === 1) onFirst(stream);
      setImmediate(done);
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

function write(path: string, content: string | Buffer = path): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}

/** The folder as a part, listed and hashed right now. */
async function makePart(name = "c/0"): Promise<ContextPart> {
  const tree = await listTree(folder);
  return { folder: name, tree, expected: await hashTree(tree), source: "./src", root: folder };
}

async function send(parts: readonly ContextPart[], dockerfile = "FROM scratch\n") {
  const receiver = makeReceiver();
  await sendContext(dockerfile, parts, receiver.stream);
  return receiver.bytes();
}

describe("what arrives", () => {
  test("the Dockerfile comes first, and is there without any files", async () => {
    const entries = await readTar(await send([], 'FROM scratch\nENV A="ü"\n'));
    expect([...entries.keys()]).toEqual(["Dockerfile"]);
    expect(entries.get("Dockerfile")?.text).toBe('FROM scratch\nENV A="ü"\n');
  });

  const segment = "a-folder-with-a-rather-long-name-of-fifty-characters";
  test.each([
    ["brackets and stars", "pages/[id]/*.ts"],
    ["a dollar and quotes", '$HOME/it\'s "quoted".txt'],
    ["spaces", " leading/in the middle/trailing "],
    ["a backslash", "back\\slash"],
    ["unicode", "grüße/日本語-🚢.txt"],
    ["a newline", "two\nlines"],
    ["a leading dash", "-rf"],
    ["more than 100 characters", `${segment}/${segment}/file.txt`],
    ["more than 255 characters", `${Array.from({ length: 6 }, () => segment).join("/")}/file.txt`],
    ["a name of 200 bytes", "n".repeat(200)],
    ["a long name of unicode", "ü".repeat(120)],
  ])("a name with %s arrives as it is", async (_what, path) => {
    write(path, "content");
    const entries = await readTar(await send([await makePart()]));
    expect(entries.get(`c/0/${path}`)?.text).toBe("content");
  });

  test("a file of many chunks comes whole, and Node warns of nothing", async () => {
    const warnings: string[] = [];
    const hear = ({ message }: Error): number => warnings.push(message);
    process.on("warning", hear);
    write("large", Buffer.alloc(16 << 20, "large"));
    const entries = await readTar(await send([await makePart()]));
    await nextTurn();
    process.off("warning", hear);
    expect(entries.get("c/0/large")?.text).toHaveLength(16 << 20);
    expect(warnings).toEqual([]);
  });

  test("files come as root's, of 1970, with 0644 or 0755, folders with 0755", async () => {
    chmodSync(write("plain"), 0o600);
    chmodSync(write("open"), 0o666);
    chmodSync(write("tool"), 0o700);
    chmodSync(write("group-only"), 0o610);
    mkdirSync(join(folder, "empty"), { mode: 0o700 });
    utimesSync(join(folder, "plain"), 1_600_000_000, 1_600_000_000);
    const entries = await readTar(await send([await makePart()]));
    const modes = [...entries].map(([name, { header }]) => [name, header.type, (header.mode ?? 0).toString(8)]);
    expect(modes).toEqual([
      ["Dockerfile", "file", "644"],
      ["c", "directory", "755"],
      ["c/0", "directory", "755"],
      ["c/0/empty", "directory", "755"],
      ["c/0/group-only", "file", "644"],
      ["c/0/open", "file", "644"],
      ["c/0/plain", "file", "644"],
      ["c/0/tool", "file", "755"],
    ]);
    for (const { header } of entries.values()) {
      expect([header.uid, header.gid, header.mtime?.getTime()]).toEqual([0, 0, 0]);
      expect([header.uname, header.gname]).toEqual(["", ""]);
    }
  });

  test("links stay links, with their own text", async () => {
    write("real");
    const far = `${"x".repeat(60)}/${"y".repeat(60)}`;
    write(far);
    symlinkSync("real", join(folder, "link"));
    symlinkSync(far, join(folder, "far-link"));
    symlinkSync("nowhere", join(folder, "broken"));
    const entries = await readTar(await send([await makePart()]));
    const target = (name: string) => {
      const header = entries.get(`c/0/${name}`)?.header;
      return [header?.type, header?.linkname];
    };
    expect(target("link")).toEqual(["symlink", "real"]);
    expect(target("far-link")).toEqual(["symlink", far]);
    expect(target("broken")).toEqual(["symlink", "nowhere"]);
  });

  test("empty files and large ones arrive whole", async () => {
    const large = Buffer.alloc(3_500_001, "0123456789");
    write("empty", "");
    write("large", large);
    const entries = await readTar(await send([await makePart()]));
    expect(entries.get("c/0/empty")?.text).toBe("");
    expect(entries.get("c/0/large")?.text).toBe(large.toString());
  });

  test("each part has a folder of its own", async () => {
    write("a");
    const part = await makePart();
    const entries = await readTar(await send([part, { ...part, folder: "c/12" }]));
    expect([...entries.keys()]).toEqual(["Dockerfile", "c", "c/0", "c/12", "c/0/a", "c/12/a"]);
  });

  test("the same files give the same bytes, whoever has them and wherever they are", async () => {
    write("app/main.py", "print(1)");
    const first = await send([await makePart()]);
    const moved = mkdtempSync(join(tmpdir(), "slipway-elsewhere-"));
    rmSync(moved, { recursive: true });
    renameSync(folder, moved);
    folder = moved;
    utimesSync(join(folder, "app/main.py"), 1, 1);
    chmodSync(join(folder, "app/main.py"), 0o600);
    expect(await send([await makePart()])).toEqual(first);
  });
});

describe("what changes while it is sent", () => {
  /** Sends a large file and then a small one; something happens when the first bytes arrive. */
  async function sendWhile(happens: () => void): Promise<unknown> {
    write("a-large", Buffer.alloc(6_000_000, "a"));
    write("b-small", "b");
    const receiver = makeReceiver(happens);
    const error = await expectCode(
      sendContext("FROM scratch\n", [await makePart()], receiver.stream),
      "CONTEXT_CHANGED",
    );
    expect(receiver.stream.writableEnded).toBe(false);
    return error.message;
  }
  const hint = "Run it again when nothing writes there, or leave out what is written.";

  test.each([
    ["shrinks", "a-large", () => truncateSync(join(folder, "a-large"), 1_500_000)],
    ["grows", "a-large", () => appendFileSync(join(folder, "a-large"), "more")],
    ["grows from one byte", "b-small", () => appendFileSync(join(folder, "b-small"), "more")],
    ["becomes empty", "b-small", () => truncateSync(join(folder, "b-small"), 0)],
    ["gets other bytes of the same size", "b-small", () => writeFileSync(join(folder, "b-small"), "c")],
    ["vanishes", "b-small", () => rmSync(join(folder, "b-small"))],
    [
      "becomes a folder",
      "b-small",
      () => {
        rmSync(join(folder, "b-small"));
        mkdirSync(join(folder, "b-small"));
      },
    ],
    [
      "becomes a pipe that nobody writes to",
      "b-small",
      () => {
        rmSync(join(folder, "b-small"));
        execFileSync("mkfifo", [join(folder, "b-small")]);
      },
    ],
  ])("a file that %s ends it, by its name", async (_what, name, happens) => {
    expect(await sendWhile(happens)).toBe(`./src: ${name} changed after it was hashed, so nothing was built. ${hint}`);
  });

  test("a file that changed between hashing and listing is named", async () => {
    write("kept");
    write("edited", "before");
    utimesSync(join(folder, "kept"), 1, 1);
    const { expected } = await makePart();
    // ctime counts, too: an edit that puts the time back is found. So what was not edited must be older.
    await new Promise((resolve) => setTimeout(resolve, 30));
    write("edited", "after!");
    utimesSync(join(folder, "edited"), 1, 1);
    const part = { ...(await makePart()), expected };
    const error = await expectCode(send([part]), "CONTEXT_CHANGED");
    expect(error.message).toBe(`./src: edited changed after it was hashed, so nothing was built. ${hint}`);
  });

  test.each([
    ["added file", "lib/added", () => write("lib/added")],
    ["removed file", "lib", () => rmSync(join(folder, "lib/removed"))],
    ["removed file of the top", "the list of its files", () => rmSync(join(folder, "top"))],
    ["renamed file", "lib/new-name", () => renameSync(join(folder, "lib/removed"), join(folder, "lib/new-name"))],
    ["added empty folder", "lib/empty", () => mkdirSync(join(folder, "lib/empty"))],
    ["added link", "link", () => symlinkSync("top", join(folder, "link"))],
  ])("an %s between hashing and listing is named, or its folder", async (_what, named, edit) => {
    for (const path of ["top", "lib/removed", "lib/kept", "other/kept"]) write(path);
    const { expected } = await makePart();
    await new Promise((resolve) => setTimeout(resolve, 30));
    edit();
    const error = await expectCode(send([{ ...(await makePart()), expected }]), "CONTEXT_CHANGED");
    expect(error.message).toBe(`./src: ${named} changed after it was hashed, so nothing was built. ${hint}`);
  });

  test("an exec bit that changed after hashing is a change", async () => {
    write("tool");
    const { expected } = await makePart();
    chmodSync(join(folder, "tool"), 0o755);
    await expectCode(send([{ ...(await makePart()), expected }]), "CONTEXT_CHANGED");
  });
});

describe("a receiver that ends early", () => {
  test("by itself: sending stops and says so", async () => {
    write("large", Buffer.alloc(6_000_000));
    const receiver = makeReceiver((stream) => stream.destroy());
    expect(await sendContext("FROM scratch\n", [await makePart()], receiver.stream)).toBe(false);
    expect(receiver.bytes().length).toBeLessThan(6_000_000);
  });

  test("with an error: sending stops and says so, and nothing is left unhandled", async () => {
    write("large", Buffer.alloc(6_000_000));
    const broken = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const receiver = makeReceiver((stream) => stream.destroy(broken));
    expect(await sendContext("FROM scratch\n", [await makePart()], receiver.stream)).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(receiver.bytes().length).toBeLessThan(6_000_000);
  });

  test("before anything was sent: nothing is sent", async () => {
    write("file");
    const receiver = makeReceiver();
    receiver.stream.destroy();
    expect(await sendContext("FROM scratch\n", [await makePart()], receiver.stream)).toBe(false);
    expect(receiver.bytes().length).toBe(0);
  });

  test("with the last chunk: it may not have all of it", async () => {
    write("file");
    const part = await makePart();
    const whole = makeReceiver();
    expect(await sendContext("FROM scratch\n", [part], whole.stream)).toBe(true);
    let left = whole.bytes().length;
    const receiver = new Writable({
      write(chunk: Buffer, _encoding, done) {
        left -= chunk.length;
        if (left === 0) this.destroy();
        done();
      },
    });
    expect(await sendContext("FROM scratch\n", [part], receiver)).toBe(false);
  });
});
