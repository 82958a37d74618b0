import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { foldInputs, unfoldInputs } from "../../provider/folded-inputs";
import { fromOutput, mapLater, plainly } from "../../provider/later";

beforeAll(() =>
  pulumi.runtime.setMocks({ newResource: ({ inputs }) => ({ id: "1", state: inputs }), call: () => ({}) }),
);

const values = { hash: "a".repeat(64), platforms: ["linux/amd64"], steps: [{ kind: "run", command: 'echo "é"' }] };

test("what is plain arrives as it was, by one text", async () => {
  const laters = Object.entries(values).map(([name, value]) => [name, plainly(Promise.resolve(value))] as const);
  const inputs = foldInputs({ ...Object.fromEntries(laters), images: plainly(undefined) });
  expect(Object.keys(inputs)).toEqual(["__plain"]);
  expect(unfoldInputs({ __plain: await inputs["__plain"] })).toEqual(values);
});

test("what comes from an Output stays a property, with its secrecy; nothing of it is in the text", async () => {
  const repository = fromOutput(pulumi.secret("registry.example/secret"));
  const uri = mapLater(plainly(values.hash), async (hash) => `${await repository.value}:${hash}`, repository);
  const inputs = foldInputs({ hash: plainly(values.hash), repository, uri });
  expect(Object.keys(inputs).sort()).toEqual(["__plain", "repository", "uri"]);
  expect(await pulumi.isSecret(pulumi.output(inputs["uri"]))).toBe(true);
  expect(await inputs["__plain"]).toBe(JSON.stringify({ hash: values.hash }));
});

test("what stands beside the text counts, as ignoreChanges puts it there", () => {
  expect(unfoldInputs({ __plain: JSON.stringify(values), hash: "old", __urn: "urn" })).toEqual({
    ...values,
    hash: "old",
    __urn: "urn",
  });
  expect(unfoldInputs(values)).toBe(values);
});

test("what fails is the failure of the text alone", async () => {
  const wrong = Promise.reject(new Error("no such folder"));
  const inputs = foldInputs({ hash: plainly(wrong), steps: mapLater(plainly(wrong), () => 1), platforms: plainly(1) });
  await expect(inputs["__plain"]).rejects.toThrow("no such folder");
});
