import { describe, expect, test } from "vitest";
import { passingCause } from "../../provider/build-again";
import { BuildOutput } from "../../provider/build-output";

/** Lines as buildx 0.29 printed them with --progress rawjson, shortened where they repeat. */
const recorded = {
  base: '{"vertexes":[{"digest":"sha256:b1","name":"[1/3] FROM localhost:5000/library/python@sha256:17a7","started":"2026-11-24T21:12:28.1Z","completed":"2026-11-24T21:12:28.1Z","cached":true}]}',
  internal:
    '{"vertexes":[{"digest":"sha256:i1","name":"[internal] load remote build context","started":"2026-11-24T21:12:28.0Z"}]}',
  announced: '{"vertexes":[{"digest":"sha256:r2","inputs":["sha256:b1"],"name":"[2/3] RUN echo hello"}]}',
  started:
    '{"vertexes":[{"digest":"sha256:r2","inputs":["sha256:b1"],"name":"[2/3] RUN echo hello","started":"2026-11-24T21:12:29.1Z"}]}',
  failed:
    '{"vertexes":[{"digest":"sha256:r2","name":"[2/3] RUN echo hello","started":"2026-11-24T21:12:29.1Z","completed":"2026-11-24T21:12:29.4Z","error":"process \\"/bin/sh -c echo hello; exit 3\\" did not complete successfully: exit code: 3"}]}',
  beside:
    '{"vertexes":[{"digest":"sha256:r9","name":"[stage 2/2] RUN sleep 9","started":"2026-11-24T21:12:29.1Z","completed":"2026-11-24T21:12:29.4Z","error":"rpc error: code = Canceled desc = context canceled"}]}',
  exporting: '{"vertexes":[{"digest":"sha256:e1","name":"exporting to image","started":"2026-11-24T21:12:30.0Z"}]}',
  statuses:
    '{"statuses":[{"id":"exporting layers","vertex":"sha256:e1","current":0,"timestamp":"2026-11-24T21:12:30.0Z"}]}',
} as const;

/** buildx's own error, as it prints it after the progress. */
const errorText = [
  "Dockerfile:4",
  "--------------------",
  "   3 |     WORKDIR /app",
  "   4 | >>> RUN echo hello; exit 3",
  "--------------------",
  'ERROR: failed to build: failed to solve: process "/bin/sh -c echo hello; exit 3" did not complete successfully: exit code: 3',
];

function log(text: string | Buffer, vertex = "sha256:r2"): string {
  const data = Buffer.from(text).toString("base64");
  return JSON.stringify({ logs: [{ vertex, stream: 1, data, timestamp: "2026-11-24T21:12:29.2Z" }] });
}

function read(...lines: readonly string[]) {
  const told: string[] = [];
  const output = new BuildOutput({
    onStep: (count) => told.push(String(count)),
    onPhase: (text) => told.push(text),
  });
  for (const line of lines) output.readLine(line);
  return { output, told };
}

const printed = (...chunks: readonly (string | Buffer)[]) =>
  read(recorded.started, ...chunks.map((chunk) => log(chunk)), recorded.failed).output.failed?.lines;

describe("progress", () => {
  test("tells a step once, when it starts, and the push", () => {
    const lines = [
      recorded.internal,
      recorded.announced,
      recorded.started,
      recorded.started,
      recorded.exporting,
      recorded.statuses,
    ];
    expect(read(...lines).told).toEqual(["2", "pushing"]);
  });

  test("tells nothing of what is cached", () => {
    expect(read(recorded.base).told).toEqual([]);
  });

  test("counts a step of a named stage or of another platform", () => {
    const named = (name: string) =>
      JSON.stringify({ vertexes: [{ digest: name, name, started: "2026-11-24T21:12:29Z" }] });
    expect(read(named("[linux/arm64 2/7] RUN x")).told).toEqual(["2"]);
    expect(read(named("[build 3/7] RUN x")).told).toEqual(["3"]);
    expect(read(named("[linux/arm64 build 4/7] RUN x")).told).toEqual(["4"]);
  });
});

describe("what BuildKit tells little of", () => {
  const vertex = (name: string, more: object) =>
    JSON.stringify({ vertexes: [{ digest: name, name, started: "2026-11-24T21:12:29Z", ...more }] });
  const status = (id: string, more: object = {}) => JSON.stringify({ statuses: [{ id, vertex: "v", ...more }] });
  const done = { completed: "2026-11-24T21:12:31Z" };

  test.each(["exporting to image", "exporting cache to registry"])("%s lasts until it is completed", (name) => {
    expect(read(recorded.started).output.isExporting).toBe(false);
    expect(read(vertex(name, {})).output.isExporting).toBe(true);
    expect(read(vertex(name, {}), recorded.started).output.isExporting).toBe(true);
    expect(read(vertex(name, {}), vertex(name, done)).output.isExporting).toBe(false);
  });

  test.each(["pushing layers", "writing layer sha256:1"])("%s is on its way to a registry", (id) => {
    expect(read(status(id)).output.isPushing).toBe(true);
    expect(read(status(id), status(id, done)).output.isPushing).toBe(false);
    expect(read(recorded.statuses).output.isPushing).toBe(false);
  });

  test("cache that is not there is no step that failed", () => {
    const missing = vertex("importing cache manifest from localhost:1/none:main", { ...done, error: "not found" });
    expect(read(missing).output.failed).toBeUndefined();
    expect(read(missing, recorded.failed).output.failed?.name).toBe("[2/3] RUN echo hello");
  });
});

describe("a failed step", () => {
  test("is known with its name, its error and what it printed", () => {
    const { output } = read(
      recorded.started,
      log("hello\n"),
      log("other\n", "sha256:other"),
      recorded.failed,
      ...errorText,
    );
    expect(output.failed).toEqual({
      name: "[2/3] RUN echo hello",
      error: 'process "/bin/sh -c echo hello; exit 3" did not complete successfully: exit code: 3',
      lines: ["hello"],
    });
    expect(output.failedLine).toBe(4);
  });

  test("is the one that failed, not one that was cancelled because of it", () => {
    expect(read(recorded.beside, recorded.failed).output.failed?.name).toBe("[2/3] RUN echo hello");
    expect(read(recorded.failed, recorded.beside).output.failed?.name).toBe("[2/3] RUN echo hello");
  });

  test("keeps the last 30 lines, however they arrive", () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    expect(printed(`${lines.join("\n")}\n`)).toEqual(lines.slice(-30));
    expect(printed(...lines.map((line) => `${line}\n`))).toEqual(lines.slice(-30));
    expect(printed(...lines.flatMap((line) => `${line}\n`.split("")))).toEqual(lines.slice(-30));
    expect(printed(lines.join("\n"))).toEqual(lines.slice(-30));
  });

  test("shows a progress bar as a terminal would, however it arrives", () => {
    expect(printed("10%\r50%\r100%\ndone\n")).toEqual(["100%", "done"]);
    expect(printed("10%\r", "50%\r", "100%\n", "done\n")).toEqual(["100%", "done"]);
    expect(printed("10%", "\r50%", "\r100%", "\r\ndone\r\n")).toEqual(["100%", "done"]);
  });

  test("shows characters that two chunks share", () => {
    const bytes = Buffer.from("grüße 🚢\n");
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(printed(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(["grüße 🚢"]);
    }
  });
});

describe("an error that is no step's", () => {
  test("is buildx's line, without its mark", () => {
    const { output } = read("WARNING: something", 'ERROR: no builder "x" found', "");
    expect(output.failed).toBeUndefined();
    expect(output.failedLine).toBeUndefined();
    expect(output.error).toBe('no builder "x" found');
  });

  test("has all of several errors of a registry, which may pass as one does", () => {
    const push = "failed to build: failed to solve: failed to push localhost:5000/images: errors:";
    const blob = "manifest blob unknown: blob unknown to registry";
    const { output } = read(`ERROR: ${push}`, blob, blob, "", "View build details: docker-desktop://x");
    expect(output.error).toBe(`${push} ${blob} ${blob}`);
    expect(passingCause(output.error)).toBe("trouble");
  });

  test("is the last line, where buildx marks none", () => {
    expect(read("first", "unknown flag: --progress", " ").output.error).toBe("unknown flag: --progress");
  });

  test("is said to be missing, where buildx says nothing", () => {
    expect(read().output.error).toBe("it said nothing");
  });

  test("is not buildx's waiting for a builder, which it shows as a step", () => {
    const { output } = read(
      '{"vertexes":[{"digest":"sha256:w1","name":"[internal] waiting for connection","started":"2026-11-24T22:29:53Z"}]}',
      '{"vertexes":[{"digest":"sha256:w1","name":"[internal] waiting for connection","started":"2026-11-24T22:29:53Z","completed":"2026-11-24T22:30:13Z","error":"context deadline exceeded"}]}',
      "ERROR: failed to build: context deadline exceeded",
    );
    expect(output.failed).toBeUndefined();
    expect(output.error).toBe("failed to build: context deadline exceeded");
  });

  test("is not taken from progress", () => {
    expect(read(recorded.started, recorded.exporting).output.error).toBe("it said nothing");
  });
});

describe("a pod of the builder that ends", () => {
  const closed = 'E1127 03:18:33.7 4655 v2.go:104] "Unhandled Error" err="EOF" logger="UnhandledError"';

  test("is heard of, with its exit code where it is told", () => {
    expect(read(closed).output.lostPod).toEqual({ exitCode: undefined });
    expect(read(closed, "ERROR: command terminated with exit code 137").output.lostPod).toEqual({ exitCode: "137" });
    expect(read("ERROR: command terminated with exit code 2", closed).output.lostPod).toEqual({ exitCode: "2" });
  });

  test("is not what a step prints", () => {
    const data = Buffer.from(`ERROR: command terminated with exit code 1\n${closed}\n`).toString("base64");
    expect(read(JSON.stringify({ logs: [{ vertex: "sha256:a", data }] })).output.lostPod).toBeUndefined();
  });
});
