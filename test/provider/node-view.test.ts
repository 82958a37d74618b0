import { expect, test } from "vitest";
import { describeNode, viewNode } from "../../provider/node-view";
import { readPullEvent } from "../../provider/pull-event";

const REF = "localhost:5000/images@sha256:aa";
const pod = { name: "p", node: "node-1", isReady: true, waiting: undefined, owner: "uid" };
const view = (isReady: boolean, ...messages: readonly string[]) =>
  describeNode(
    viewNode(
      { ...pod, isReady },
      messages.flatMap((message) => readPullEvent(message, REF) ?? []),
    ),
  );

test("a node is queued, then pulling, then warm with time, size and rate", () => {
  expect(view(false)).toBe("node-1  queued");
  expect(view(false, `Pulling image "${REF}"`)).toBe("node-1  pulling");
  const pulled = `Successfully pulled image "${REF}" in 3.862s (3.862s including waiting). Image size: 88528229 bytes.`;
  expect(view(true, `Pulling image "${REF}"`, pulled)).toBe("node-1  warm  3.9 s, 88.5 MB, 22.9 MB/s");
});

test("times are read as Go writes them", () => {
  const pulled = (time: string) => view(true, `Successfully pulled image "${REF}" in ${time} (1s including waiting).`);
  expect(pulled("1m2.5s")).toBe("node-1  warm  62.5 s");
  expect(pulled("862ms")).toBe("node-1  warm  0.9 s");
});

test("an image that was there is told apart from one that was pulled a minute ago", () => {
  const present = `Container image "${REF}" already present on machine and can be accessed by the pod`;
  const pulled = `Successfully pulled image "${REF}" in 1s (1s including waiting). Image size: 1000000 bytes.`;
  expect(view(true, present)).toBe("node-1  warm  already present");
  expect(view(true, pulled, present)).toBe("node-1  warm  1.0 s, 1.0 MB, 1.0 MB/s");
  expect(view(true)).toBe("node-1  warm");
});

test("events of another image of the pod say nothing of this one", () => {
  expect(view(false, 'Pulling image "localhost:5000/images@sha256:bb"')).toBe("node-1  queued");
});

test("a node that fails says why", () => {
  const waiting = { reason: "ErrImagePull", message: "code = NotFound desc = not found" };
  expect(describeNode(viewNode({ ...pod, isReady: false, waiting }, []))).toBe(
    "node-1  failed  the registry does not have it",
  );
});
